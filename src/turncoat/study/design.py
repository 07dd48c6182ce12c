"""What a contrast has to stand on: donors per arm, pairs, and the smallest p-value in reach."""

import math
from dataclasses import dataclass

import pandas as pd

from turncoat.errors import MissingKeyError, StudyError, did_you_mean
from turncoat.stats.contrast import Contrast

#: Fewer donors (pairs, or per arm) than this and a contrast is described, not tested.
MIN_DONORS = 2


@dataclass(frozen=True, slots=True)
class ContrastCount:
    """Donors behind one contrast.

    Parameters
    ----------
    n_case, n_reference
        Donors with each level.
    n_pairs
        Donors (or levels of the block) with both.
    smallest_pvalue
        Smallest two-sided p-value that an exact test can give; NaN where there is no test.
    reason
        Why there is no test; empty otherwise.
    """

    n_case: int
    n_reference: int
    n_pairs: int
    smallest_pvalue: float
    reason: str

    @property
    def testable(self) -> bool:
        """Whether there are enough donors for any test."""
        return not self.reason


def check_contrast(contrast: Contrast, rows: pd.DataFrame, name: str = "") -> None:
    """Refuse a contrast whose columns or levels do not occur in the tally's rows.

    Raises
    ------
    MissingKeyError
        When a column is not there.
    StudyError
        When a level never occurs.
    """
    called = f"The contrast '{name or contrast.label}'"
    columns = [contrast.variable, *([contrast.block] if contrast.block else [])]
    for column in [*columns, *contrast.covariates]:
        if column not in rows.columns:
            raise MissingKeyError(
                f"{called} uses the column '{column}', which the samples do not have. "
                f"{did_you_mean(column, rows.columns)} Columns of obs are carried along when "
                "'keep' in [cells] names them."
            )
    levels = sorted({str(level) for level in rows[contrast.variable]})
    for role, level in (("case", contrast.case), ("reference", contrast.reference)):
        if level not in levels:
            raise StudyError(
                f"{called}: {role} '{level}' does not occur in the column '{contrast.variable}'. "
                f"{did_you_mean(level, levels)}"
            )


def count_contrast(contrast: Contrast, rows: pd.DataFrame) -> ContrastCount:
    """Count the donors on either side of a contrast."""
    levels = rows[contrast.variable].astype(str)
    case = set(rows.loc[levels == contrast.case, "donor"])
    reference = set(rows.loc[levels == contrast.reference, "donor"])
    paired = contrast.block is not None
    both = set()
    if contrast.block is not None:
        blocks = rows[contrast.block].astype(str)
        both = set(blocks[levels == contrast.case]) & set(blocks[levels == contrast.reference])
    reason = _reason(len(case), len(reference), len(both) if paired else None)
    floor = math.nan
    if not reason:
        floor = smallest_pvalue(len(case), len(reference), len(both) if paired else None)
    return ContrastCount(len(case), len(reference), len(both), floor, reason)


def _reason(n_case: int, n_reference: int, n_pairs: int | None) -> str:
    if n_pairs is not None:
        if n_pairs < MIN_DONORS:
            return f"{n_pairs} blocks have both levels, at least {MIN_DONORS} are needed."
        return ""
    if min(n_case, n_reference) < MIN_DONORS:
        return f"{n_case} against {n_reference} donors, at least {MIN_DONORS} a side are needed."
    return ""


def smallest_pvalue(n_case: int, n_reference: int, n_pairs: int | None = None) -> float:
    """Two-sided p-value that an exact permutation test cannot go below.

    Parameters
    ----------
    n_case, n_reference
        Donors per arm.
    n_pairs
        Donors with both levels for a paired (sign-flip) test; None for an unpaired one.

    Returns
    -------
    float
        ``2 / 2**n_pairs``, or 2 (arms of one size) or 1 over the number of ways to deal the arms.

    Examples
    --------
    >>> smallest_pvalue(6, 6, 6), round(smallest_pvalue(3, 4), 3)
    (0.03125, 0.029)
    """
    if n_pairs is not None:
        return 2.0 / 2.0**n_pairs
    ways = math.comb(n_case + n_reference, n_case)
    return (2 if n_case == n_reference else 1) / ways
