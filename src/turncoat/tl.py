"""From a tally to answers."""

from turncoat.allegiance.allegiance import allegiance
from turncoat.allegiance.axis_scores import axis_scores
from turncoat.allegiance.genes import genes
from turncoat.allegiance.pool import pool
from turncoat.allegiance.reach import reach
from turncoat.allegiance.substates import substates
from turncoat.crosstalk.classic import classic_edges
from turncoat.crosstalk.crosstalk import crosstalk
from turncoat.niche.abundance import abundance
from turncoat.niche.niche import niche
from turncoat.outcome.outcome import outcome, signature
from turncoat.therapy.therapy import therapy

__all__ = [
    "abundance",
    "allegiance",
    "axis_scores",
    "classic_edges",
    "crosstalk",
    "genes",
    "niche",
    "outcome",
    "pool",
    "reach",
    "signature",
    "substates",
    "therapy",
]
