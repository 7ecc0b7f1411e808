"""Verified fakes: tests/contracts runs one suite on them and on the real thing."""
