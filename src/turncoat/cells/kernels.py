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


def profile_cells_reference(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    places: IntArray,
    ranges: FloatArray,
    most: float,
    stretch: IntArray,
    windows: IntArray,
    shares: FloatArray,
    silent: FloatArray,
    sums: FloatArray,
    profiles: FloatArray,
) -> None:
    """Average each cell's distance from the normal range, as plainly as NumPy allows."""
    del silent, sums
    for cell in range(indptr.size - 1):
        values = np.zeros(ranges.shape[1])
        own = slice(indptr[cell], indptr[cell + 1])
        ordered = places[indices[own]] >= 0
        values[places[indices[own]][ordered]] = data[own][ordered]
        outside = np.maximum(values - ranges[1], 0) + np.minimum(values - ranges[0], 0)
        outside = np.clip(outside, -most, most)
        for place, (first, last) in enumerate(windows.tolist()):
            within = (stretch > first) & (stretch <= last)
            profiles[cell, place] = outside[within].sum() * shares[place]


@kernel(reference=profile_cells_reference, ahead=True)
def profile_cells(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    places: IntArray,
    ranges: FloatArray,
    most: float,
    stretch: IntArray,
    windows: IntArray,
    shares: FloatArray,
    silent: FloatArray,
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
    places
        Place of each gene along the genome, -1 for none; shape ``(n_genes,)``.
    ranges
        Least and most that normal cells express, in the order of the genome, shape
        ``(2, n_ordered)``.
    most
        Distances larger than this are cut.
    stretch
        Number of the cut that each gene lies before, in the order of the genome.
    windows
        First and last cut of each window, shape ``(n_windows, 2)``.
    shares
        One over the number of genes of each window.
    silent
        What a gene adds of which the cell has no count, shape ``(n_ordered,)``.
    sums
        What all silent genes add between the cuts, and room to work in: shape ``(2, n_cuts + 1)``.
    profiles
        Set: shape ``(n_cells, n_windows)``.
    """
    low, high, begin, before = ranges[0], ranges[1], sums[0], sums[1]
    for cell in range(indptr.size - 1):
        for cut in range(begin.size):
            before[cut] = begin[cut]
        for k in range(indptr[cell], indptr[cell + 1]):
            gene = places[indices[k]]
            if gene >= 0:
                value = data[k]
                outside = max(value - high[gene], 0.0) + min(value - low[gene], 0.0)
                before[stretch[gene]] += max(min(outside, most), -most) - silent[gene]
        total = 0.0
        for cut in range(begin.size):
            total += before[cut]
            before[cut] = total
        for place in range(windows.shape[0]):
            inside = before[windows[place, 1]] - before[windows[place, 0]]
            profiles[cell, place] = inside * shares[place]
