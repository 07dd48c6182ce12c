"""From a tally to answers."""

from turncoat.allegiance.allegiance import allegiance
from turncoat.allegiance.reach import reach

__all__ = ["allegiance", "reach"]
