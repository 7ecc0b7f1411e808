"""Measures the registrar between a Docker engine and a Consul of its own."""
