"""Data sets: built in, and planted with known truth."""

__all__: list[str] = []
