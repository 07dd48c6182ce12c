"""Which immune populations switched sides."""

from turncoat.allegiance import plot, plot_pool, plot_reach, plot_states
from turncoat.allegiance.allegiance import allegiance
from turncoat.allegiance.axis_scores import AxisScores, axis_scores
from turncoat.allegiance.pool import PooledAllegiance, pool
from turncoat.allegiance.reach import Reach, reach
from turncoat.allegiance.result import Allegiance
from turncoat.allegiance.substates import substates
from turncoat.allegiance.substates_result import Substates

__all__ = [
    "Allegiance",
    "AxisScores",
    "PooledAllegiance",
    "Reach",
    "Substates",
    "allegiance",
    "axis_scores",
    "plot",
    "plot_pool",
    "plot_reach",
    "plot_states",
    "pool",
    "reach",
    "substates",
]
