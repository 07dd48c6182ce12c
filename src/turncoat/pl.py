"""Figures of results."""

from turncoat.allegiance.plot import (
    allegiance,
    allegiance_donors,
    allegiance_map,
    allegiance_panels,
)
from turncoat.allegiance.plot_pool import forest
from turncoat.allegiance.plot_reach import reach
from turncoat.cells.plot import composition, confidence, genome
from turncoat.crosstalk.plot import crosstalk, crosstalk_donors, crosstalk_map
from turncoat.niche.plot import abundance, niche
from turncoat.outcome.plot import outcome_curves, outcome_forest, outcome_random
from turncoat.therapy.plot import therapy

__all__ = [
    "abundance",
    "allegiance",
    "allegiance_donors",
    "allegiance_map",
    "allegiance_panels",
    "composition",
    "confidence",
    "crosstalk",
    "crosstalk_donors",
    "crosstalk_map",
    "forest",
    "genome",
    "niche",
    "outcome_curves",
    "outcome_forest",
    "outcome_random",
    "reach",
    "therapy",
]
