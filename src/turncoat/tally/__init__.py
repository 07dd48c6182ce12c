"""Additive sums per sample, population and gene."""
