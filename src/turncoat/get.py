"""Results as tidy tables."""

from turncoat.crosstalk.exchange import (
    edges,
    from_cellphonedb,
    from_liana,
    to_cellphonedb,
    to_liana,
)
from turncoat.report.ledger import claims

__all__ = ["claims", "edges", "from_cellphonedb", "from_liana", "to_cellphonedb", "to_liana"]
