"""A contrast of groups whose members share donors: what one donor gave hangs together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turncoat.errors import DesignError
from turncoat.stats.estimate import Estimate
from turncoat.tables import FloatArray, IntArray

#: How alike two values of one donor are taken to be when values are weighed. The truth decides the
#: error whatever is taken here (a sandwich); a wrong guess costs a little power.
WORKING_CORRELATION = 0.5


@dataclass(frozen=True, slots=True)
class _Donor:
    """One donor's values and what the working model says of them."""

    residual: FloatArray
    design: FloatArray
    covariance: FloatArray
    place: IntArray


def clustered_contrast(
    values: FloatArray,
    groups: IntArray,
    contrast: FloatArray,
    donors: Sequence[str],
    weights: FloatArray,
) -> Estimate:
    """Estimate a contrast of group means where donors gave values to several groups.

    Group means are fitted by generalised least squares, as if any two values of a donor were
    alike by half; the error comes from each donor's own residuals, all groups together, so that it
    is right whatever the true likeness is, with a correction for few donors.

    Parameters
    ----------
    values
        One value per donor and group, shape ``(n_values,)``.
    groups
        Number of the group of each value, same shape.
    contrast
        One coefficient per group.
    donors
        Donor of each value.
    weights
        Relative precision of each value, same shape.

    Returns
    -------
    Estimate
        Contrast, standard error and Satterthwaite's degrees of freedom, arrays of one.

    Raises
    ------
    DesignError
        When a group has no value.

    References
    ----------
    Bell and McCaffrey (2002), *Survey Methodology* 28:169. Pustejovsky and Tipton (2018), *Journal
    of Business & Economic Statistics* 36:672 (the correction and its degrees of freedom, "CR2").

    Examples
    --------
    >>> values = np.array([3.0, 5.0, 1.0, 1.0])
    >>> groups = np.array([0, 0, 1, 1])
    >>> found = clustered_contrast(values, groups, np.array([1.0, -1.0]), list("abcd"), np.ones(4))
    >>> round(float(found.effect[0]), 9), round(float(found.error[0]), 9)
    (3.0, 1.0)
    """
    if set(groups.tolist()) != set(range(contrast.size)):
        raise DesignError("Every group of a contrast needs a value.")
    design = np.eye(contrast.size)[groups]
    names = np.asarray(donors)
    places = [np.flatnonzero(names == name) for name in dict.fromkeys(donors)]
    pieces = [(place, design[place], _working(weights[place])) for place in places]
    inverse = [np.linalg.inv(covariance) for _, _, covariance in pieces]
    bread = np.linalg.inv(sum(x.T @ w @ x for (_, x, _), w in zip(pieces, inverse, strict=True)))
    means = bread @ sum(
        x.T @ w @ values[place] for (place, x, _), w in zip(pieces, inverse, strict=True)
    )
    each = [_Donor(values[p] - x @ means, x, v, p) for p, x, v in pieces]
    error, freedom = _error(each, bread, contrast, values.size)
    return Estimate(np.array([contrast @ means]), np.array([error]), np.array([freedom]))


def _working(weights: FloatArray) -> FloatArray:
    likeness = np.full((weights.size, weights.size), WORKING_CORRELATION)
    np.fill_diagonal(likeness, 1.0)
    scale = 1 / np.sqrt(weights)
    covariance: FloatArray = likeness * np.outer(scale, scale)
    return covariance


def _error(
    each: Sequence[_Donor], bread: FloatArray, contrast: FloatArray, n: int
) -> tuple[float, float]:
    toward = bread @ contrast
    variance = 0.0
    design, covariance = np.zeros((n, contrast.size)), np.zeros((n, n))
    for donor in each:
        design[donor.place] = donor.design
        covariance[np.ix_(donor.place, donor.place)] = donor.covariance
    columns = []
    for donor in each:
        # Residuals vary less than the values: each donor's are drawn up to what they stand for.
        root = np.linalg.cholesky(donor.covariance).T
        left = donor.covariance - donor.design @ bread @ donor.design.T
        adjust = root.T @ _inverse_root(root @ left @ root.T) @ root
        pull = adjust @ np.linalg.solve(donor.covariance, donor.design @ toward)
        variance += float(pull @ donor.residual) ** 2
        # What the donor's pull makes of all values, by way of the fitted means.
        spread = np.zeros(n)
        spread[donor.place] = pull
        fitted = np.linalg.solve(covariance, design) @ bread @ (donor.design.T @ pull)
        columns.append(spread - fitted)
    drawn = np.array(columns)
    kernel = drawn @ covariance @ drawn.T
    freedom = float(np.trace(kernel) ** 2 / (kernel**2).sum())
    return float(np.sqrt(variance)), freedom


def _inverse_root(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    able = values > values.max(initial=0.0) * 1e-10
    scale = np.where(able, 1 / np.sqrt(np.where(able, values, 1.0)), 0.0)
    root: FloatArray = (vectors * scale) @ vectors.T
    return root
