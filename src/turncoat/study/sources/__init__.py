"""Readers of cell files, one module a format."""
