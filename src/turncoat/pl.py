"""Figures of results."""

from turncoat.allegiance.plot import (
    allegiance,
    allegiance_donors,
    allegiance_map,
    allegiance_panels,
)
from turncoat.allegiance.plot_reach import reach

__all__ = ["allegiance", "allegiance_donors", "allegiance_map", "allegiance_panels", "reach"]
