"""A first look at the values of a cell: whether they are counts, and how many."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import (
    FRACTIONAL,
    LARGEST_COUNT,
    NEGATIVE,
    NOT_FINITE,
    OUT_OF_RANGE,
    SOUND,
    TABLE_SIZE,
)


def find_problem_reference(
    data: FloatArray, indices: IntArray, begin: int, end: int, n_columns: int
) -> tuple[int, int]:
    """Name the first stored value that is no count of a known gene, as plainly as can be."""
    for place in range(begin, end):
        value = float(data[place])
        if not 0 <= int(indices[place]) < n_columns:
            return OUT_OF_RANGE, place
        if not value <= LARGEST_COUNT:
            return NOT_FINITE, place
        if value < 0:
            return NEGATIVE, place
        if value != math.floor(value):
            return FRACTIONAL, place
    return SOUND, begin


@kernel(reference=find_problem_reference)
def find_problem(
    data: FloatArray, indices: IntArray, begin: int, end: int, n_columns: int
) -> tuple[int, int]:
    """Name the first stored value that is no count of a known gene, and its place."""
    for place in range(begin, end):
        value = data[place]
        if indices[place] < 0 or indices[place] >= n_columns:
            return OUT_OF_RANGE, place
        if not value <= LARGEST_COUNT:
            return NOT_FINITE, place
        if value < 0:
            return NEGATIVE, place
        if value != math.floor(value):
            return FRACTIONAL, place
    return SOUND, begin


def look_reference(
    data: FloatArray, indices: IntArray, begin: int, end: int, n_columns: int
) -> tuple[int, int, bool, bool]:
    """Sum, occurring counts, soundness and order of a cell, with NumPy."""
    values, columns = data[begin:end], indices[begin:end].astype(np.int64)
    with np.errstate(invalid="ignore"):
        whole = (values >= 0) & (values <= LARGEST_COUNT) & (np.floor(values) == values)
    sound = bool(whole.all() and (columns >= 0).all() and (columns < n_columns).all())
    if not sound:
        return 0, 0, False, False
    counts = values.astype(np.int64)
    seen = sum(1 << int(count) for count in np.unique(np.minimum(counts, TABLE_SIZE - 1)))
    in_order = bool((np.diff(columns) > 0).all())
    return int(counts.sum()), int(np.uint64(seen).astype(np.int64)), True, in_order


@kernel(reference=look_reference)
def look(
    data: FloatArray, indices: IntArray, begin: int, end: int, n_columns: int
) -> tuple[int, int, bool, bool]:
    """Look a cell over before it is counted.

    Returns
    -------
    tuple
        Sum of its values; bit ``min(count, 63)`` set for every count that occurs; whether every
        value is a count of a known gene; whether columns rise strictly (so none is repeated).
    """
    total: Any = np.int64(0)
    seen: Any = np.int64(0)
    sound = True
    in_order = True
    previous: Any = np.int64(-1)
    for k in range(begin, end):
        value = data[k]
        # Written so that NaN is unsound too.
        sound &= (value >= 0) & (value <= LARGEST_COUNT) & (math.floor(value) == value)
        count = np.int64(value)
        total += count
        seen |= np.int64(1) << min(count, np.int64(TABLE_SIZE - 1))
        column = np.int64(indices[k])
        sound &= (column >= 0) & (column < n_columns)
        in_order &= column > previous
        previous = column
    if not sound:
        return 0, 0, False, False
    return total, seen, True, in_order
