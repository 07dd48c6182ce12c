"""Results as tidy tables."""

from turncoat.crosstalk.exchange import (
    edges,
    from_cellphonedb,
    from_liana,
    to_cellphonedb,
    to_liana,
)

__all__ = ["edges", "from_cellphonedb", "from_liana", "to_cellphonedb", "to_liana"]
