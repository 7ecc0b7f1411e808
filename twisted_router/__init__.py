"""The front door of a container platform: a reverse proxy fed by Consul."""

__version__ = "0.1.0"
