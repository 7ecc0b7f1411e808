"""Tests of twisted_router.proxy."""
