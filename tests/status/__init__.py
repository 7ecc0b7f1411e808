"""Tests of twisted_router.status."""
