"""Tests on real parts: Consul, Docker, twistd."""
