"""From a tally to answers."""

from turncoat.allegiance.allegiance import allegiance

__all__ = ["allegiance"]
