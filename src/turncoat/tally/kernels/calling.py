"""What naming a packed cell takes: its linear scores and the counts of some genes."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.scoring import fill_logs
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH, LIBRARY, SEEN, TABLE_SIZE


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
) -> None:
    """Score cells one by one, with NumPy."""
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


@kernel(reference=score_cells_reference)
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
    """
    logs = np.zeros(TABLE_SIZE)
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        row, own = scores[cell], picked[cell]
        row[:] = offset
        own[:] = 0.0
        if length == 0:
            continue
        scale = target_sum / max(ledger[cell, LIBRARY], 1)
        fill_logs(logs, ledger[cell, SEEN], scale)
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for j in range(own_genes.size):
            gene: Any = np.uint64(own_genes[j])
            count: Any = np.uint64(own_counts[j])
            if count == np.uint64(ESCAPE):
                count = np.uint64(read_large(genes, counts, tail))
                tail += 2
            feature, marker = slots[gene, 0], slots[gene, 1]
            if feature >= 0:
                small = count < np.uint64(TABLE_SIZE)
                logged = logs[count] if small else math.log1p(np.int64(count) * scale)
                for k in range(row.size):
                    row[k] += logged * weights[feature, k]
            if marker >= 0:
                own[marker] += np.int64(count)
