"""Cleveland's robust locally weighted line, as R's ``lowess`` computes it."""

import numpy as np

from turncoat.tables import FloatArray

#: Robustness iterations, and the step below which neighbours are interpolated: R's defaults.
N_ROBUST = 3
STEP = 0.01


def lowess(x: FloatArray, y: FloatArray, *, span: float) -> FloatArray:
    """Smooth ``y`` along ``x``.

    Parameters
    ----------
    x
        Abscissae in increasing order, shape ``(n_points,)``.
    y
        Values, same shape.
    span
        Share of the points that each local line sees.

    Returns
    -------
    FloatArray
        Smoothed values, same shape.

    References
    ----------
    Cleveland (1979), *Journal of the American Statistical Association* 74:829.

    Examples
    --------
    >>> line = np.linspace(0, 1, 20)
    >>> bool(np.allclose(lowess(line, 2 * line, span=0.5), 2 * line))
    True
    """
    n_local = max(2, min(x.size, int(span * x.size + 1e-7)))
    delta = STEP * (x[-1] - x[0])
    robustness = np.ones(x.size)
    smooth = y.astype(float)
    for _ in range(N_ROBUST + 1):
        smooth = _pass(x, y, robustness, n_local, delta)
        residual = np.abs(y - smooth)
        scale = 6 * np.median(residual)
        if scale <= 1e-7 * residual.mean():
            break
        ratio = np.where(residual <= 0.001 * scale, 0.0, residual / scale)
        robustness = np.where(residual <= 0.999 * scale, (1 - ratio**2) ** 2, 0.0)
    return smooth


def _pass(
    x: FloatArray, y: FloatArray, robustness: FloatArray, n_local: int, delta: float
) -> FloatArray:
    smooth = np.zeros(x.size)
    left, point, last = 0, 0, -1
    while True:
        while left + n_local < x.size and x[point] - x[left] > x[left + n_local] - x[point]:
            left += 1
        smooth[point] = _local(x, y, robustness, point, left, left + n_local - 1)
        if last < point - 1:
            inside = slice(last + 1, point)
            share = (x[inside] - x[last]) / (x[point] - x[last])
            smooth[inside] = share * smooth[point] + (1 - share) * smooth[last]
        last = point
        beyond = int(np.searchsorted(x, x[last] + delta, side="right"))
        tied = int(np.searchsorted(x, x[last], side="right"))
        smooth[last:tied] = smooth[last]
        last = tied - 1
        if last >= x.size - 1:
            return smooth
        point = max(last + 1, beyond - 1)


def _local(
    x: FloatArray, y: FloatArray, robustness: FloatArray, point: int, left: int, right: int
) -> float:
    centre = x[point]
    reach = max(centre - x[left], x[right] - centre)
    end = int(np.searchsorted(x, centre + 0.999 * reach, side="right"))
    near = slice(left, max(end, point + 1))
    distance = np.abs(x[near] - centre)
    weight = np.where(distance <= 0.001 * reach, 1.0, (1 - (distance / (reach or 1.0)) ** 3) ** 3)
    weight = np.where(distance <= 0.999 * reach, weight, 0.0) if reach > 0 else np.ones_like(weight)
    weight = weight * robustness[near]
    total = weight.sum()
    if total <= 0:
        return float(y[point])
    weight = weight / total
    mean = (weight * x[near]).sum()
    spread = (weight * (x[near] - mean) ** 2).sum()
    if np.sqrt(spread) > 0.001 * (x[-1] - x[0]):
        weight = weight * ((centre - mean) / spread * (x[near] - mean) + 1)
    return float((weight * y[near]).sum())
