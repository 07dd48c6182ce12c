"""What naming a packed cell takes: its linear scores and the counts of some genes."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.scoring import STRETCH, fill_logs
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH, LIBRARY, SEEN, TABLE_SIZE


def note_used_reference(
    genes: IntArray, counts: IntArray, used: IntArray, members: IntArray
) -> int:
    """Note members, with NumPy."""
    found = np.flatnonzero((used[genes] > 0) | (counts == ESCAPE))
    members[: found.size] = found
    return int(found.size)


@kernel(reference=note_used_reference)
def note_used(genes: IntArray, counts: IntArray, used: IntArray, members: IntArray) -> int:
    """Note which values have to be looked at: those of genes in use, and large counts.

    They are noted without a branch, which could not be foretold.
    """
    n_members: Any = np.uint64(0)
    for j in range(genes.size):
        members[n_members] = j
        large = counts[j] == np.uint8(ESCAPE)
        n_members += np.uint64(used[np.uint64(genes[j])] | large)
    return np.int64(n_members)  # type: ignore[return-value]


def add_count_reference(
    count: int,
    scale: float,
    slot: IntArray,
    weights: FloatArray,
    logs: FloatArray,
    score: FloatArray,
    picked: FloatArray,
) -> None:
    """Add one count, with NumPy."""
    del logs
    if slot[0] >= 0:
        score += np.log1p(count * scale) * weights[slot[0]]
    if slot[1] >= 0:
        picked[slot[1]] += count


@kernel(reference=add_count_reference)
def add_count(
    count: int,
    scale: float,
    slot: IntArray,
    weights: FloatArray,
    logs: FloatArray,
    score: FloatArray,
    picked: FloatArray,
) -> None:
    """Add the weights of one log-normalised count to a cell's scores, and copy the count out."""
    feature, marker = slot[0], slot[1]
    if feature >= 0:
        logged = logs[count] if count < TABLE_SIZE else math.log1p(count * scale)
        for k in range(score.size):
            score[k] += logged * weights[feature, k]
    if marker >= 0:
        picked[marker] += count


def score_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    target_sum: float,
    slots: IntArray,
    weights: FloatArray,
    offset: FloatArray,
    scores: FloatArray,
    picked: FloatArray,
    used: IntArray,
    logs: FloatArray,
    members: IntArray,
) -> None:
    """Score cells one by one, with NumPy."""
    del used, logs, members
    for cell in range(ledger.shape[0]):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        scores[cell], picked[cell] = offset, 0
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            feature, marker = slots[genes[place]]
            if feature >= 0:
                scale = target_sum / max(int(ledger[cell, LIBRARY]), 1)
                scores[cell] += np.log1p(count * scale) * weights[feature]
            if marker >= 0:
                picked[cell, marker] += count


@kernel(reference=score_cells_reference, ahead=True)
def score_cells(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    target_sum: float,
    slots: IntArray,
    weights: FloatArray,
    offset: FloatArray,
    scores: FloatArray,
    picked: FloatArray,
    used: IntArray,
    logs: FloatArray,
    members: IntArray,
) -> None:
    """Add up the weights of a cell's log-normalised counts, and copy out some of the counts.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    target_sum
        Counts per cell after normalisation.
    slots
        Per gene, the dustbin last: its line of ``weights``, its column of ``picked``; -1 for
        none. Shape ``(n_genes + 1, 2)``.
    weights, offset
        Shapes ``(n_features, n_classes)`` and ``(n_classes,)``.
    scores, picked
        Set: shapes ``(n_cells, n_classes)`` and ``(n_cells, n_markers)``.
    used
        Whether each gene has a line or a column, as bytes, which stay in the first cache; shape
        ``(n_genes + 1,)``.
    logs, members
        Room to work in, each thread its own: shapes ``(TABLE_SIZE,)`` and ``(STRETCH + 1,)``.
    """
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        row, own = scores[cell], picked[cell]
        for k in range(row.size):
            row[k] = offset[k]
        for k in range(own.size):
            own[k] = 0.0
        if length == 0:
            continue
        scale = target_sum / max(ledger[cell, LIBRARY], 1)
        fill_logs(logs, ledger[cell, SEEN], scale)
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for first in range(0, own_genes.size, STRETCH):
            last = min(first + STRETCH, own_genes.size)
            n_members = note_used(own_genes[first:last], own_counts[first:last], used, members)
            for i in range(n_members):
                j: Any = np.uint64(first + members[i])
                gene: Any = np.uint64(own_genes[j])
                count: Any = np.uint64(own_counts[j])
                if count == np.uint64(ESCAPE):
                    count = np.uint64(read_large(genes, counts, tail))
                    tail += 2
                whole: Any = np.int64(count)
                add_count(whole, scale, slots[gene], weights, logs, row, own)
