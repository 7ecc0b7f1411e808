"""Tests of twisted_router.routing."""
