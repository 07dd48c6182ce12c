"""From a tally to answers."""

import sys
from typing import TYPE_CHECKING, Any, Final

from turncoat.lazily import load

if TYPE_CHECKING:
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

#: Where each is: a room is loaded when it is first asked something.
HOMES: Final = {
    "abundance": "turncoat.niche.abundance",
    "allegiance": "turncoat.allegiance.allegiance",
    "axis_scores": "turncoat.allegiance.axis_scores",
    "classic_edges": "turncoat.crosstalk.classic",
    "crosstalk": "turncoat.crosstalk.crosstalk",
    "genes": "turncoat.allegiance.genes",
    "niche": "turncoat.niche.niche",
    "outcome": "turncoat.outcome.outcome",
    "pool": "turncoat.allegiance.pool",
    "reach": "turncoat.allegiance.reach",
    "signature": "turncoat.outcome.outcome",
    "substates": "turncoat.allegiance.substates",
    "therapy": "turncoat.therapy.therapy",
}


def __getattr__(name: str) -> Any:
    return load(sys.modules[__name__], HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
