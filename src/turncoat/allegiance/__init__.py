"""Which immune populations switched sides."""

from turncoat.allegiance import plot, plot_reach
from turncoat.allegiance.allegiance import allegiance
from turncoat.allegiance.axis_scores import AxisScores, axis_scores
from turncoat.allegiance.reach import Reach, reach
from turncoat.allegiance.result import Allegiance

__all__ = [
    "Allegiance",
    "AxisScores",
    "Reach",
    "allegiance",
    "axis_scores",
    "plot",
    "plot_reach",
    "reach",
]
