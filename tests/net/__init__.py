"""Tests of twisted_router.net."""
