"""What packed cells give besides sums: scores of gene sets, and means of groups from memory."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH, LIBRARY, SEEN, TABLE_SIZE


def fill_logs_reference(logs: FloatArray, seen: int, scale: float) -> None:
    """Work out the logarithm of each count of a cell, with NumPy."""
    for count in range(1, TABLE_SIZE):
        if seen >> count & 1:
            logs[count] = np.log1p(count * scale)


@kernel(reference=fill_logs_reference)
def fill_logs(logs: FloatArray, seen: int, scale: float) -> None:
    """Work out once per cell the logarithm of each count that occurs in it."""
    for count in range(1, TABLE_SIZE):
        if (seen >> count) & 1:
            logs[count] = math.log1p(count * scale)


def project_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    target_sum: float,
    pointers: IntArray,
    sets: IntArray,
    weights: FloatArray,
    out: FloatArray,
    logs: FloatArray,
) -> None:
    """Project cells one by one with a dense matrix of weights."""
    del logs
    n_genes, n_sets = pointers.size - 2, out.shape[1] - 2
    dense = np.zeros((n_genes, n_sets))
    for gene in range(n_genes):
        for k in range(pointers[gene], pointers[gene + 1]):
            dense[gene, sets[k]] += weights[k]
    for cell in range(ledger.shape[0]):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail, values = begin + length, np.zeros(n_genes)
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            if genes[place] < n_genes:
                values[genes[place]] = np.log1p(count * target_sum / int(ledger[cell, LIBRARY]))
        out[cell, 0], out[cell, 1], out[cell, 2:] = values.sum(), values @ values, values @ dense


@kernel(reference=project_cells_reference, ahead=True)
def project_cells(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    target_sum: float,
    pointers: IntArray,
    sets: IntArray,
    weights: FloatArray,
    out: FloatArray,
    logs: FloatArray,
) -> None:
    """Sum, sum of squares, and weighted sums of a cell's log-normalised values.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    target_sum
        Counts per cell after normalisation.
    pointers, sets, weights
        Weights by gene (CSR): gene ``g`` has weight ``weights[k]`` in set ``sets[k]`` for ``k``
        from ``pointers[g]`` to ``pointers[g + 1]``; shape ``(n_genes + 2,)``, the dustbin last.
    out
        Set: shape ``(n_cells, 2 + n_sets)``.
    logs
        Room to work in, shape ``(TABLE_SIZE,)``; each thread its own.
    """
    dustbin = np.uint64(pointers.size - 2)
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        row = out[cell]
        row[:] = 0.0
        if length == 0:
            continue
        scale = target_sum / ledger[cell, LIBRARY]
        fill_logs(logs, ledger[cell, SEEN], scale)
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        total = squared = 0.0
        for j in range(own_genes.size):
            gene: Any = np.uint64(own_genes[j])
            count: Any = np.uint64(own_counts[j])
            if count < np.uint64(TABLE_SIZE):
                logged = logs[count]
            else:
                if count == np.uint64(ESCAPE):
                    count = np.uint64(read_large(genes, counts, tail))
                    tail += 2
                logged = math.log1p(np.int64(count) * scale)
            if gene < dustbin:
                total += logged
                squared += logged * logged
                for k in range(pointers[gene], pointers[gene + np.uint64(1)]):
                    row[2 + sets[k]] += weights[k] * logged
        row[0], row[1] = total, squared


def sum_logs_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    groups: IntArray,
    target_sum: float,
    sums: FloatArray,
    logs: FloatArray,
) -> None:
    """Sum logarithms per group cell by cell."""
    del logs
    for cell, group in enumerate(groups.tolist()):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            if group >= 0:
                scale = target_sum / int(ledger[cell, LIBRARY])
                sums[group, genes[place]] += np.log1p(count * scale)


@kernel(reference=sum_logs_reference, ahead=True)
def sum_logs(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    groups: IntArray,
    target_sum: float,
    sums: FloatArray,
    logs: FloatArray,
) -> None:
    """Sum log-normalised values per group and gene over packed cells.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    groups
        Group of each cell; below 0: none.
    target_sum
        Counts per cell after normalisation.
    sums
        Added to, shape ``(n_groups, n_genes + 1)``.
    logs
        As in :func:`project_cells`.
    """
    for cell in range(ledger.shape[0]):
        begin, length, group = ledger[cell, BEGIN], ledger[cell, LENGTH], groups[cell]
        if length == 0 or group < 0:
            continue
        scale = target_sum / ledger[cell, LIBRARY]
        fill_logs(logs, ledger[cell, SEEN], scale)
        tail = begin + length
        own_genes, own_counts, row = genes[begin:tail], counts[begin:tail], sums[group]
        for j in range(own_genes.size):
            gene: Any = np.uint64(own_genes[j])
            count: Any = np.uint64(own_counts[j])
            if count < np.uint64(TABLE_SIZE):
                row[gene] += logs[count]
            else:
                if count == np.uint64(ESCAPE):
                    count = np.uint64(read_large(genes, counts, tail))
                    tail += 2
                row[gene] += math.log1p(np.int64(count) * scale)
