"""Tests of twisted_router.auth."""
