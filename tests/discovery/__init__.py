"""Tests of twisted_router.discovery."""
