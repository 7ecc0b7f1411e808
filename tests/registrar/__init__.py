"""Tests of twisted_router.registrar."""
