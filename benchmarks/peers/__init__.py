"""The proxies that are compared, each set up for the same duties.

Each adds ``X-Forwarded-For``, ``X-Forwarded-Proto`` and ``X-Request-Id``, keeps its
connections to the backend open, writes a line for each request to a file, and counts.
What one of them cannot do is said beside its configuration.
"""
