"""Differential fuzzing of the data plane: a short run in the tests, a long one alone.

``python -m tests.fuzz --help`` tells how to start the long one.
"""
