"""From a tally to answers."""

__all__: list[str] = []
