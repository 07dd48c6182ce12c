"""Hierarchical false-discovery rate over thousands of pairs and their edges, at once."""

import numpy as np
import pandas as pd

from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.tables import FloatArray, IntArray


def hierarchical_qvalues(pvalues: FloatArray, families: IntArray) -> FloatArray:
    """Adjust edges within their pair, then for having looked at many pairs.

    Computes what :func:`turncoat.stats.multiplicity.hierarchical` computes, by sorting once
    instead of family by family.

    Parameters
    ----------
    pvalues
        Shape ``(n_edges,)``, NaN where not tested.
    families
        Pair of each edge, same shape.

    Returns
    -------
    FloatArray
        Adjusted values, NaN where not tested.

    References
    ----------
    Benjamini and Bogomolov (2014), *Journal of the Royal Statistical Society B* 76:297.

    Examples
    --------
    >>> hierarchical_qvalues(np.array([0.001, 0.5, 0.4, 0.6]), np.array([0, 0, 1, 1]))
    array([0.004, 1.   , 0.6  , 0.6  ])
    """
    adjusted = np.full(pvalues.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(pvalues))
    if not tested.size:
        return adjusted
    family = _compact(families[tested])
    order = np.argsort(pvalues[tested], kind="stable")
    # Few families fit into 16 bits, which are sorted by counting.
    few = family.astype(np.uint16) if family.max() < 2**16 else family
    order = order[np.argsort(few[order], kind="stable")]
    given, owner = pvalues[tested][order], family[order]
    size = np.bincount(owner)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.arange(given.size) - first[owner] + 1
    within = _running_minimum(given * size[owner] / place, owner)
    top = benjamini_hochberg(within[first])
    ranked = np.sort(top)
    selected = np.searchsorted(ranked, top, side="right")
    stretched = within * (top.size / selected)[owner]
    adjusted[tested[order]] = np.minimum(np.maximum(stretched, top[owner]), 1.0)
    return adjusted


def _compact(families: IntArray) -> IntArray:
    """Renumber the families that occur from 0 without gaps."""
    occurs = np.bincount(families) > 0
    return np.asarray((np.cumsum(occurs) - 1)[families])


def _running_minimum(values: FloatArray, owner: IntArray) -> FloatArray:
    """Take the running minimum from the end of each family to its start."""
    swept = pd.Series(values[::-1]).groupby(owner[::-1], sort=False).cummin()
    return np.asarray(np.minimum(swept.to_numpy()[::-1], 1.0))
