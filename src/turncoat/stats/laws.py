"""Tails and quantiles of the laws that tests are read from, without loading ``scipy.stats``.

``scipy.stats`` takes longer to import than most rooms take to answer. Its distributions call the
same special functions as these.

No tail is ever 0. The smallest p-value of a permutation test is set by its design and told as
``p_floor``. A test on Student's or another continuous law has none: how small its p-value gets is
limited by belief in the law alone, so its ``p_floor`` is NaN, and what a computer would round to
0 far out in the tail is told as the smallest number of full precision that it can hold.
"""

from typing import SupportsFloat, overload

import numpy as np
from scipy import special

from turncoat.tables import FloatArray

#: Smallest positive number of full precision: 2.2e-308.
SMALLEST = float(np.finfo(float).tiny)


@overload
def student_tail(x: float, freedom: float) -> float: ...
@overload
def student_tail(x: FloatArray, freedom: float | FloatArray) -> FloatArray: ...
@overload
def student_tail(x: float, freedom: FloatArray) -> FloatArray: ...
def student_tail(x: float | FloatArray, freedom: float | FloatArray) -> float | FloatArray:
    """Chance that Student's t exceeds ``x``.

    Parameters
    ----------
    x
        Where the tail begins.
    freedom
        Degrees of freedom; broadcast against ``x``.

    Returns
    -------
    float or FloatArray
        Above 0, at most 1; NaN where either is unknown.

    Examples
    --------
    >>> round(student_tail(2.0, 10.0), 4)
    0.0367
    """
    return never_zero(special.stdtr(freedom, np.negative(x)))


@overload
def student_quantile(p: float, freedom: float) -> float: ...
@overload
def student_quantile(p: float, freedom: FloatArray) -> FloatArray: ...
def student_quantile(p: float, freedom: float | FloatArray) -> float | FloatArray:
    """Give what Student's t stays below with a given chance.

    Parameters
    ----------
    p
        The chance.
    freedom
        Degrees of freedom.

    Returns
    -------
    float or FloatArray
        In standard errors.

    Examples
    --------
    >>> round(student_quantile(0.975, 10.0), 4)
    2.2281
    """
    return _given(special.stdtrit(freedom, p))


@overload
def chi_square_tail(x: float, freedom: float) -> float: ...
@overload
def chi_square_tail(x: FloatArray, freedom: float) -> FloatArray: ...
def chi_square_tail(x: float | FloatArray, freedom: float) -> float | FloatArray:
    """Chance that a chi-square exceeds ``x``.

    Parameters
    ----------
    x
        Where the tail begins; everything is beyond a negative one.
    freedom
        Degrees of freedom.

    Returns
    -------
    float or FloatArray
        Above 0, at most 1.

    Examples
    --------
    >>> round(chi_square_tail(3.84, 1), 3)
    0.05
    """
    return never_zero(special.chdtrc(freedom, np.maximum(x, 0.0)))


def chi_square_quantile(p: float, freedom: float) -> float:
    """Give what a chi-square stays below with a given chance.

    Parameters
    ----------
    p
        The chance.
    freedom
        Degrees of freedom.

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    >>> round(chi_square_quantile(0.95, 1), 2)
    3.84
    """
    return float(2 * special.gammaincinv(freedom / 2, p))


@overload
def never_zero(pvalues: float) -> float: ...
@overload
def never_zero(pvalues: FloatArray) -> FloatArray: ...
def never_zero(pvalues: float | FloatArray) -> float | FloatArray:
    """Lift p-values that were rounded to 0; NaN stays NaN.

    Examples
    --------
    >>> never_zero(0.0), never_zero(0.5)
    (2.2250738585072014e-308, 0.5)
    """
    return _given(np.maximum(pvalues, SMALLEST))


def _given(value: SupportsFloat) -> float | FloatArray:
    """Give a number for numbers, an array for arrays."""
    return value if isinstance(value, np.ndarray) and value.ndim else float(value)
