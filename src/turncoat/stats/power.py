"""What a design can see: the smallest effect it would find, most of the time."""

import numpy as np
from scipy import optimize, special

from turncoat.errors import ArgumentError
from turncoat.stats.laws import student_quantile

#: Share of such studies that should find the effect; the convention of trials (Cohen 1988).
POWER = 0.8


def detectable_effect(
    error: float, freedom: float, *, level: float = 0.05, power: float = POWER
) -> float:
    """Find the smallest effect that a two-sided t-test at ``level`` finds with ``power``.

    Parameters
    ----------
    error
        Standard error of the effect in this design.
    freedom
        Its degrees of freedom.
    level
        Level of the test.
    power
        Share of studies of this design that should find it.

    Returns
    -------
    float
        In the unit of the error; NaN where the error is unknown.

    Raises
    ------
    ArgumentError
        When level or power are not between 0 and 1.

    Examples
    --------
    >>> round(detectable_effect(1.0, 1e6), 2)
    2.8
    """
    if not (0 < level < 1 and level < power < 1):
        raise ArgumentError(f"Expected 0 < level < power < 1; got {level!r} and {power!r}.")
    if not (np.isfinite(error) and error > 0 and freedom > 0):
        return float("nan")
    edge = student_quantile(1 - level / 2, freedom)

    def missing(shift: float) -> float:
        return 1.0 - float(special.nctdtr(freedom, shift, edge)) - power

    upper = edge + 5
    while missing(upper) < 0:
        upper *= 2
    return error * float(optimize.brentq(missing, 0, upper, xtol=1e-8))
