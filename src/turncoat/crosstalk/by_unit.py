"""Samples brought together into units: a donor in one arm."""

from typing import Final

import numpy as np

from turncoat.tables import BoolArray, FloatArray, IntArray

#: Products at once that linear algebra does without waking threads.
AT_ONCE: Final = 200_000


def product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Multiply two matrices, so few columns at a time that no thread is woken for it.

    The matrices are small and many: threads that wait between them cost more than they save.

    Examples
    --------
    >>> product(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    """
    size = max(AT_ONCE // max(left.size, 1), 1)
    if right.shape[1] <= size:
        return np.asarray(left @ right)
    parts = [left @ right[:, n : n + size] for n in range(0, right.shape[1], size)]
    return np.concatenate(parts, axis=1)


def by_unit_any(flags: BoolArray, unit: IntArray) -> BoolArray:
    """Tell whether any sample of a unit is flagged, along the first axis."""
    first = np.unique(unit, return_index=True)[1]
    if first.size == unit.size:
        return np.asarray(flags[first])
    number = membership(unit).astype(np.float32) @ flags.astype(np.float32)
    return np.asarray(number > 0)


def membership(unit: IntArray) -> FloatArray:
    """Which sample belongs to which unit, shape ``(n_units, n_samples)``."""
    numbers = np.arange(int(unit.max()) + 1)[:, np.newaxis]
    return np.asarray(unit[np.newaxis, :] == numbers, dtype=np.float64)


def by_unit_mean(values: FloatArray, known: BoolArray, unit: IntArray) -> FloatArray:
    """Average over the samples of a unit where the value is known; NaN where it never is."""
    first = np.unique(unit, return_index=True)[1]
    if first.size == unit.size:  # one sample per unit: nothing to average
        return np.asarray(np.where(known[first], values[first], np.nan))
    member = membership(unit)
    total = member @ np.where(known, values, 0.0)
    number = member @ known.astype(float)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


def by_unit_mean_many(values: FloatArray, known: BoolArray, unit: IntArray) -> FloatArray:
    """Do :func:`by_unit_mean` for arrays of any shape."""
    shape = values.shape
    wide = np.broadcast_to(known, shape).reshape(shape[0], -1)
    flat = by_unit_mean(values.reshape(shape[0], -1), wide, unit)
    return flat.reshape(flat.shape[0], *shape[1:])
