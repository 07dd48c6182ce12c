"""Figures of results."""

from turncoat.allegiance.plot import (
    allegiance,
    allegiance_donors,
    allegiance_map,
    allegiance_panels,
    reach,
)

__all__ = ["allegiance", "allegiance_donors", "allegiance_map", "allegiance_panels", "reach"]
