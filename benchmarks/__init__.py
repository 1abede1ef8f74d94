"""Ratios against peers and against plain SciPy, measured alternately in one run: `python -m benchmarks NAME`."""
