"""From files to a tally."""

__all__: list[str] = []
