"""How many counts of a donor a gene should be set against: the library, without what few genes do to it.

Where a handful of genes hold much of a donor's counts, their rise looks like a fall of all
others. The trimmed mean of M-values takes the typical log-ratio of genes between two donors as
the ratio of their libraries: genes that differ most, and those seen most or least, have no say.
"""

import numpy as np

from turncoat.errors import DesignError
from turncoat.tables import BoolArray, FloatArray

#: Share of genes trimmed from each end of the log-ratios, and of the mean levels (edgeR's defaults).
TRIM_RATIO = 0.3
TRIM_LEVEL = 0.05
#: Donors whose genes differ by less than this, log2, are the same.
SAME = 1e-6


def effective_library(counts: FloatArray) -> FloatArray:
    """Scale each donor's total by the trimmed mean of M-values.

    Parameters
    ----------
    counts
        Summed counts, shape ``(n_units, n_genes)``.

    Returns
    -------
    FloatArray
        Counts to set genes against, shape ``(n_units,)``; the factors' geometric mean is 1.

    Raises
    ------
    DesignError
        When a donor has no counts.

    References
    ----------
    Robinson and Oshlack (2010), *Genome Biology* 11:R25.

    Examples
    --------
    >>> counts = np.tile([5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0], (2, 1))
    >>> counts[1, 7] = 6_400.0
    >>> library = effective_library(counts)
    >>> round(float(library[1] / library[0]), 6)  # one gene rose tenfold, the others did not
    1.0
    """
    total = counts.sum(axis=1)
    if (total <= 0).any():
        raise DesignError("Every donor should have counts; leave empty ones out first.")
    seen = counts[:, (counts > 0).any(axis=0)]
    upper = np.quantile(seen, 0.75, axis=1) / total
    # The donor nearest the mean upper quartile is the measure; where most have none, the fullest.
    if np.median(upper) < 1e-20:
        measure = int(np.argmax(np.sqrt(seen).sum(axis=1)))
    else:
        measure = int(np.argmin(np.abs(upper - upper.mean())))
    logged = np.array(
        [_log_ratio(row, seen[measure], n, total[measure]) for row, n in zip(seen, total, strict=True)]
    )  # fmt: skip
    library: FloatArray = total * np.exp2(logged - logged.mean())
    return library


def _log_ratio(own: FloatArray, other: FloatArray, n_own: float, n_other: float) -> float:
    """Typical log2 ratio of genes between two donors; 0 where they share none."""
    shared = (own > 0) & (other > 0)
    if not shared.any():
        return 0.0
    share, reference = own[shared] / n_own, other[shared] / n_other
    ratio, level = np.log2(share / reference), np.log2(share * reference) / 2
    if np.abs(ratio).max() < SAME:
        return 0.0
    # The delta method's variance of a log-ratio of two binomial shares.
    variance = (1 - share) / own[shared] + (1 - reference) / other[shared]
    kept = _middle(ratio, TRIM_RATIO) & _middle(level, TRIM_LEVEL)
    if not kept.any():
        return 0.0
    return float((ratio[kept] / variance[kept]).sum() / (1 / variance[kept]).sum())


def _middle(values: FloatArray, share: float) -> BoolArray:
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    # Values that are the same share the mean of their ranks.
    rank = (np.cumsum(times) - (times - 1) / 2)[place]
    least = np.floor(values.size * share) + 1
    kept: BoolArray = (rank >= least) & (rank <= values.size + 1 - least)
    return kept
