"""Showing that nothing moved: equivalence within a band, by two one-sided tests."""

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.stats.estimate import Estimate
from turncoat.stats.laws import student_tail
from turncoat.tables import FloatArray


def equivalence_pvalue(found: Estimate, band: float) -> FloatArray:
    """Test that the effect lies within ± ``band``; a small p-value shows that it does.

    Parameters
    ----------
    found
        Effects with standard errors and degrees of freedom.
    band
        Half-width of the band, in the unit of the effect.

    Returns
    -------
    FloatArray
        The larger of the two one-sided p-values per score; NaN where the standard error is
        unknown or 0.

    Raises
    ------
    ArgumentError
        When the band is not positive.

    References
    ----------
    Schuirmann (1987), *Journal of Pharmacokinetics and Biopharmaceutics* 15:657.

    Examples
    --------
    >>> found = Estimate(np.array([0.0]), np.array([0.1]), np.array([10.0]))
    >>> bool(equivalence_pvalue(found, 0.3)[0] < 0.01)
    True
    """
    if not band > 0:
        raise ArgumentError(f"The equivalence band should be a positive number; got {band!r}.")
    error = np.where(found.error > 0, found.error, np.nan)
    below = student_tail((found.effect + band) / error, found.freedom)
    above = student_tail((band - found.effect) / error, found.freedom)
    return np.maximum(below, above)
