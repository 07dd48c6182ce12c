"""Compiled loops over the stored values of cells, each with a plain twin."""

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray


def linear_scores_reference(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    slots: IntArray,
    weights: FloatArray,
    offset: FloatArray,
    target_sum: float,
    scores: FloatArray,
    depth: FloatArray,
) -> None:
    """Add the weights of log counts per ``target_sum`` of every cell, as plainly as NumPy allows."""
    n_cells = indptr.size - 1
    cell = np.repeat(np.arange(n_cells), np.diff(indptr))
    depth[:] = np.bincount(cell, weights=data, minlength=n_cells)
    slot = slots[indices]
    kept = slot >= 0
    logged = np.log1p(data[kept] * (target_sum / np.maximum(depth, 1.0))[cell[kept]])
    scores[:] = offset
    np.add.at(scores, cell[kept], logged[:, np.newaxis] * weights[slot[kept]])


@kernel(reference=linear_scores_reference)
def linear_scores(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    slots: IntArray,
    weights: FloatArray,
    offset: FloatArray,
    target_sum: float,
    scores: FloatArray,
    depth: FloatArray,
) -> None:
    """Add the weights of log counts per ``target_sum`` of every cell, in one pass."""
    n_classes = offset.size
    for cell in range(indptr.size - 1):
        total = 0.0
        for k in range(indptr[cell], indptr[cell + 1]):
            total += data[k]
        depth[cell] = total
        factor = target_sum / max(total, 1.0)
        for c in range(n_classes):
            scores[cell, c] = offset[c]
        for k in range(indptr[cell], indptr[cell + 1]):
            slot = slots[indices[k]]
            if slot >= 0:
                logged = np.log1p(data[k] * factor)
                for c in range(n_classes):
                    scores[cell, c] += logged * weights[slot, c]


def pick_columns_reference(
    data: FloatArray, indices: IntArray, indptr: IntArray, slots: IntArray, picked: FloatArray
) -> None:
    """Copy the counts of some genes into a dense table, as plainly as NumPy allows."""
    cell = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    slot = slots[indices]
    kept = slot >= 0
    picked[:] = 0
    np.add.at(picked, (cell[kept], slot[kept]), data[kept])


@kernel(reference=pick_columns_reference)
def pick_columns(
    data: FloatArray, indices: IntArray, indptr: IntArray, slots: IntArray, picked: FloatArray
) -> None:
    """Copy the counts of some genes into a dense table, in one pass."""
    picked[:] = 0
    for cell in range(indptr.size - 1):
        for k in range(indptr[cell], indptr[cell + 1]):
            slot = slots[indices[k]]
            if slot >= 0:
                picked[cell, slot] += data[k]


def smooth_along_reference(
    values: FloatArray, first: IntArray, last: IntArray, smoothed: FloatArray
) -> None:
    """Average each row over windows of columns, as plainly as NumPy allows."""
    for column in range(first.size):
        smoothed[:, column] = values[:, first[column] : last[column]].mean(axis=1)


@kernel(reference=smooth_along_reference)
def smooth_along(values: FloatArray, first: IntArray, last: IntArray, smoothed: FloatArray) -> None:
    """Average each row over windows of columns, given from left to right, by running sums.

    ``first`` and ``last`` never decrease within a chromosome; a window that begins anew is
    summed anew, so that errors of rounding do not travel from one chromosome to the next.
    """
    for row in range(values.shape[0]):
        total = 0.0
        low, high = 0, 0
        for column in range(first.size):
            if first[column] >= high:
                low, high, total = first[column], first[column], 0.0
            while high < last[column]:
                total += values[row, high]
                high += 1
            while low < first[column]:
                total -= values[row, low]
                low += 1
            smoothed[row, column] = total / (high - low)
