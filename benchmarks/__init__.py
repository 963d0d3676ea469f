"""Measured ratios against the bare forward pass and against peers; run `make bench`."""
