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
)

#: In four bytes, so that float32 is compared as float32: twice as many values at a time.
NOTHING = np.float32(0)
TOO_LARGE = np.float32(2**31)


def find_problem_reference(data: FloatArray, indices: IntArray, n_columns: int) -> tuple[int, int]:
    """Name the first stored value that is no count of a known gene, as plainly as can be."""
    for place, (value, column) in enumerate(zip(data.tolist(), indices.tolist(), strict=True)):
        if not 0 <= column < n_columns:
            return OUT_OF_RANGE, place
        if not value <= LARGEST_COUNT:
            return NOT_FINITE, place
        if value < 0:
            return NEGATIVE, place
        if value != math.floor(value):
            return FRACTIONAL, place
    return SOUND, 0


@kernel(reference=find_problem_reference)
def find_problem(data: FloatArray, indices: IntArray, n_columns: int) -> tuple[int, int]:
    """Name the first stored value that is no count of a known gene, and its place."""
    for place in range(data.size):
        value = data[place]
        if indices[place] < 0 or indices[place] >= n_columns:
            return OUT_OF_RANGE, place
        if not value <= LARGEST_COUNT:
            return NOT_FINITE, place
        if value < 0:
            return NEGATIVE, place
        if value != math.floor(value):
            return FRACTIONAL, place
    return SOUND, 0


def look_reference(data: FloatArray, indices: IntArray, n_columns: int) -> tuple[int, bool, bool]:
    """Sum, soundness and order of a cell, with NumPy."""
    columns = indices.astype(np.int64)
    whole = (data >= 0) & (data <= LARGEST_COUNT) & (np.floor(data) == data)
    sound = whole.all() and (columns >= 0).all() and (columns < n_columns).all()
    if not sound:
        return 0, False, False
    return int(data.astype(np.int64).sum()), True, bool((np.diff(columns) > 0).all())


@kernel(reference=look_reference)
def look(data: FloatArray, indices: IntArray, n_columns: int) -> tuple[int, bool, bool]:
    """Look a cell over before it is packed.

    Returns
    -------
    tuple
        Sum of its values; whether each is a count of a known gene; whether columns rise strictly
        (so that none is repeated).
    """
    total: Any = np.int64(0)
    unsound = False
    # Small loops over what is in the first cache: each becomes vector instructions.
    for k in range(data.size):
        value = data[k]
        # Written so that NaN is unsound too.
        unsound |= not ((value >= NOTHING) & (value < TOO_LARGE) & (np.floor(value) == value))
        total += np.int64(np.int32(value))
    disordered = False
    for k in range(1, indices.size):
        disordered |= indices[k] <= indices[k - 1]
    outside = False
    if disordered:
        for k in range(indices.size):
            outside |= (indices[k] < 0) | (indices[k] >= n_columns)
    elif indices.size:
        outside = (indices[0] < 0) | (indices[indices.size - 1] >= n_columns)
    if unsound or outside:
        return 0, False, False
    return total, True, not disordered
