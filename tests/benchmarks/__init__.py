"""Tests of the benchmarks: what they make of figures, not the figures."""
