"""Compiled loops over the stored values of cells, each with a plain twin."""

from typing import Any

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


def profile_cells_reference(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    limits: FloatArray,
    stretch: IntArray,
    most: float,
    windows: IntArray,
    shares: FloatArray,
    sums: FloatArray,
    profiles: FloatArray,
) -> None:
    """Average each cell's distance from the normal range, as plainly as NumPy allows."""
    low, high, silent = limits.T
    begin = sums[0]
    for cell in range(indptr.size - 1):
        own = slice(indptr[cell], indptr[cell + 1])
        genes, values = indices[own], data[own]
        outside = np.maximum(values - high[genes], 0) + np.minimum(values - low[genes], 0)
        added = np.clip(outside, -most, most) - silent[genes]
        between = begin + np.bincount(stretch[genes], weights=added, minlength=begin.size)
        for place, (first, last) in enumerate(windows.tolist()):
            profiles[cell, place] = between[first + 1 : last + 1].sum() * shares[place]


@kernel(reference=profile_cells_reference, ahead=True)
def profile_cells(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    limits: FloatArray,
    stretch: IntArray,
    most: float,
    windows: IntArray,
    shares: FloatArray,
    sums: FloatArray,
    profiles: FloatArray,
) -> None:
    """Average each cell's distance from the normal range over windows along the genome.

    Windows overlap: the genome is cut wherever one begins or ends, distances are added up between
    the cuts, and a window is the difference of what lies before its two.

    Parameters
    ----------
    data, indices, indptr
        Log-normalised expression.
    limits
        Of each gene the least and most that normal cells express, and what it adds where a cell
        has no count; shape ``(n_genes, 3)``. A gene without a place has no limits and adds 0.
    stretch
        Number of the cut that each gene lies before; one more than the last for none.
    most
        Distances larger than this are cut.
    windows
        First and last cut of each window, shape ``(n_windows, 2)``.
    shares
        One over the number of genes of each window.
    sums
        What all genes add between the cuts where a cell has no count, and room to work in: shape
        ``(2, n_cuts + 1)``.
    profiles
        Set: shape ``(n_cells, n_windows)``.
    """
    begin, before = sums[0], sums[1]
    for cell in range(indptr.size - 1):
        for cut in range(begin.size):
            before[cut] = begin[cut]
        # No branch, which could not be foretold.
        for k in range(indptr[cell], indptr[cell + 1]):
            gene: Any = np.uint64(indices[k])
            value: Any = np.float64(data[k])
            outside = max(value - limits[gene, 1], 0.0) + min(value - limits[gene, 0], 0.0)
            before[np.uint64(stretch[gene])] += max(min(outside, most), -most) - limits[gene, 2]
        total = 0.0
        for cut in range(begin.size):
            total += before[cut]
            before[cut] = total
        for place in range(windows.shape[0]):
            first, last = np.uint64(windows[place, 0]), np.uint64(windows[place, 1])
            profiles[cell, place] = (before[last] - before[first]) * shares[place]
