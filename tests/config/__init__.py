"""Tests of twisted_router.config."""
