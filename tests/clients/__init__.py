"""Tests of twisted_router.clients."""
