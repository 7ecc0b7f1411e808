"""The router beside its peers: how fast, how even, how much memory."""
