"""Many tests at once: false-discovery rates, and how far a design can go below them."""

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.tables import FloatArray, IntArray


def benjamini_hochberg(pvalues: FloatArray) -> FloatArray:
    """Adjust p-values for the false-discovery rate; what was not tested stays NaN.

    Parameters
    ----------
    pvalues
        Shape ``(n_tests,)``; NaN where no test was done.

    Returns
    -------
    FloatArray
        Adjusted p-values (q-values), same shape.

    Raises
    ------
    ArgumentError
        When a p-value is outside 0 to 1.

    References
    ----------
    Benjamini and Hochberg (1995), *Journal of the Royal Statistical Society B* 57:289.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, np.nan, 0.02, 0.5]))
    array([0.03, nan, 0.03, 0.5 ])
    """
    tested = np.isfinite(pvalues)
    given = pvalues[tested]
    if ((given < 0) | (given > 1)).any():
        raise ArgumentError("p-values should lie between 0 and 1.")
    adjusted = np.full(pvalues.shape, np.nan)
    if given.size:
        order = np.argsort(given, kind="stable")
        scaled = given[order] * given.size / np.arange(1, given.size + 1)
        stepped = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
        placed = np.empty(given.size)
        placed[order] = stepped
        adjusted[tested] = placed
    return adjusted


def simes(pvalues: FloatArray) -> float:
    """Combine p-values into one for "something is there"; NaN without any.

    References
    ----------
    Simes (1986), *Biometrika* 73:751.

    Examples
    --------
    >>> simes(np.array([0.01, 0.6]))
    0.02
    """
    adjusted = benjamini_hochberg(pvalues)
    return float(np.nanmin(adjusted)) if np.isfinite(adjusted).any() else float("nan")


def hierarchical(pvalues: FloatArray, families: IntArray) -> tuple[FloatArray, FloatArray]:
    """Adjust within families, then for having looked at several families.

    Families are tested by Simes' combination and adjusted over families. Members are adjusted
    within their family; a member's final value is the larger of the two, and members of
    families that pass are further corrected for the selection of the family.

    Parameters
    ----------
    pvalues
        Shape ``(n_tests,)``, NaN where not tested.
    families
        Family number of each test, shape ``(n_tests,)``.

    Returns
    -------
    tuple
        Adjusted value of each test, shape ``(n_tests,)``, and of each family in sorted order.

    References
    ----------
    Benjamini and Bogomolov (2014), *Journal of the Royal Statistical Society B* 76:297; Peterson
    et al. (2016), *Genetic Epidemiology* 40:45.

    Examples
    --------
    >>> tests, families = hierarchical(np.array([0.001, 0.5, 0.4, 0.6]), np.array([0, 0, 1, 1]))
    >>> families
    array([0.004, 0.6  ])
    """
    names = np.unique(families)
    top = benjamini_hochberg(np.array([simes(pvalues[families == name]) for name in names]))
    adjusted = np.full(pvalues.shape, np.nan)
    n_families = int(np.isfinite(top).sum())
    for name, family_q in zip(names, top, strict=True):
        member = families == name
        # Selecting R of m families leaves each only the share R / m of the error to spend.
        selected = int((top <= family_q).sum())
        within = benjamini_hochberg(pvalues[member]) * n_families / max(selected, 1)
        adjusted[member] = np.minimum(np.maximum(within, family_q), 1.0)
    return adjusted, top


def reachable_q(floors: FloatArray) -> FloatArray:
    """Smallest q-value each test could reach if it alone reached its floor.

    Parameters
    ----------
    floors
        Smallest reachable p-value per test, NaN where none can be done.

    Returns
    -------
    FloatArray
        ``floor × n_tests``, at most 1: what stands between a lone finding and the rate.

    Examples
    --------
    >>> reachable_q(np.array([0.002, 0.03, np.nan]))
    array([0.004, 0.06 ,   nan])
    """
    n_tests = int(np.isfinite(floors).sum())
    return np.minimum(floors * n_tests, 1.0)


def reachable_q_together(floors: FloatArray) -> FloatArray:
    """Smallest q-value each test could reach if every test reached its floor.

    Examples
    --------
    >>> reachable_q_together(np.array([0.002, 0.03, np.nan]))
    array([0.004, 0.03 ,   nan])
    """
    return benjamini_hochberg(floors)
