"""Results as tidy tables."""

from turncoat.allegiance.tidy import genes, substates
from turncoat.crosstalk.exchange import (
    edge_programmes,
    edges,
    from_cellphonedb,
    from_liana,
    to_cellphonedb,
    to_liana,
)
from turncoat.report.ledger import claims

__all__ = [
    "claims",
    "edge_programmes",
    "edges",
    "from_cellphonedb",
    "from_liana",
    "genes",
    "substates",
    "to_cellphonedb",
    "to_liana",
]
