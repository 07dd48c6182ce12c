"""Figures of results."""

from turncoat.allegiance.plot import (
    allegiance,
    allegiance_donors,
    allegiance_map,
    allegiance_panels,
)
from turncoat.allegiance.plot_pool import forest
from turncoat.allegiance.plot_reach import reach
from turncoat.allegiance.plot_states import substates
from turncoat.cells.plot import (
    abstentions,
    composition,
    confidence,
    genome,
    genome_cells,
    marker_dots,
    quality,
    umap,
)
from turncoat.crosstalk.plot import crosstalk, crosstalk_donors, crosstalk_map
from turncoat.niche.plot import abundance, niche
from turncoat.outcome.plot import outcome_curves, outcome_forest, outcome_random
from turncoat.simulate.plot import colonisation as trial_colonisation
from turncoat.simulate.plot import growth as trial_growth
from turncoat.simulate.plot import survival as trial_survival
from turncoat.simulate.plot import waterfall as trial_waterfall
from turncoat.simulate.plot_panels import dose_heatmap
from turncoat.simulate.plot_panels import trajectories as trial_trajectories
from turncoat.therapy.plot import therapy

__all__ = [
    "abstentions",
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
    "dose_heatmap",
    "forest",
    "genome",
    "genome_cells",
    "marker_dots",
    "niche",
    "outcome_curves",
    "outcome_forest",
    "outcome_random",
    "quality",
    "reach",
    "substates",
    "therapy",
    "trial_colonisation",
    "trial_growth",
    "trial_survival",
    "trial_trajectories",
    "trial_waterfall",
    "umap",
]
