"""Measurements: ``python -m benchmarks`` compares training steps; see README.md in this folder."""
