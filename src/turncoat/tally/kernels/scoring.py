"""What packed cells give besides sums: scores of gene sets, and means of groups from memory."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import fill_table, read_large, read_large_reference
from turncoat.tally.kernels.units import BEGIN, ESCAPE, GRID, LENGTH, LIBRARY, SEEN, TABLE_SIZE

#: Values of a cell looked at in one go.
STRETCH = 512


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


def count_at_reference(genes: IntArray, counts: IntArray, begin: int, tail: int, j: int) -> int:
    """Read a count, with NumPy."""
    if counts[begin + j] < ESCAPE:
        return int(counts[begin + j])
    before = int((counts[begin : begin + j] == ESCAPE).sum())
    return read_large_reference(genes, counts, tail + 2 * before)


@kernel(reference=count_at_reference)
def count_at(genes: IntArray, counts: IntArray, begin: int, tail: int, j: int) -> int:
    """Read value ``j`` of the packed cell from ``begin`` to ``tail``, however large."""
    if counts[begin + j] < ESCAPE:
        return np.int64(counts[begin + j])  # type: ignore[return-value]
    place = tail
    for before in range(begin, begin + j):
        if counts[before] == ESCAPE:
            place += 2
    return read_large(genes, counts, place)


def note_members_reference(
    genes: IntArray, counts: IntArray, used: IntArray, table: IntArray, members: IntArray
) -> tuple[int, int, int]:
    """Sum steps and note members, with NumPy."""
    own = np.minimum(counts, TABLE_SIZE)
    found = np.flatnonzero((used[genes] > 0) | (own == TABLE_SIZE))
    members[: found.size] = found
    return found.size, int(table[0, own].sum()), int(table[1, own].sum())


@kernel(reference=note_members_reference)
def note_members(
    genes: IntArray, counts: IntArray, used: IntArray, table: IntArray, members: IntArray
) -> tuple[int, int, int]:
    """Sum the steps of small counts, and note which values have to be looked at.

    They are noted without a branch, which could not be foretold.

    Returns
    -------
    tuple of int
        How many were noted in ``members``: values of genes in a set, and large counts. Sum of the
        steps of small counts; sum of those of their squares.
    """
    n_members: Any = np.uint64(0)
    total: Any = np.int64(0)
    squared: Any = np.int64(0)
    for j in range(genes.size):
        count: Any = np.uint64(min(counts[j], np.uint8(TABLE_SIZE)))
        total += table[0, count]
        squared += table[1, count]
        members[n_members] = j
        n_members += np.uint64(used[np.uint64(genes[j])] | (count == np.uint64(TABLE_SIZE)))
    return np.int64(n_members), total, squared  # type: ignore[return-value]


def project_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    target_sum: float,
    pointers: IntArray,
    sets: IntArray,
    weights: FloatArray,
    out: FloatArray,
    used: IntArray,
    table: IntArray,
    members: IntArray,
) -> None:
    """Project cells one by one with a dense matrix of weights."""
    del used, table, members
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
    used: IntArray,
    table: IntArray,
    members: IntArray,
) -> None:
    """Sum, sum of squares, and weighted sums of a cell's log-normalised values.

    Sums are taken of whole grid steps, as in the tally: one addition need not wait for the last.

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
    used
        Whether each gene is in any set, as bytes, which stay in the first cache; 1 for the
        dustbin, whose values have to be looked at too; shape ``(n_genes + 1,)``.
    table, members
        Room to work in, each thread its own: zeros of shape ``(2, TABLE_SIZE + 1)``, the last of
        which stay zero; and of shape ``(STRETCH + 1,)``.
    """
    dustbin = np.uint64(pointers.size - 2)
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        row = out[cell]
        row[:] = 0.0
        if length == 0:
            continue
        scale = target_sum / ledger[cell, LIBRARY]
        fill_table(table, ledger[cell, SEEN], scale)
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        total: Any = np.int64(0)
        squared: Any = np.int64(0)
        for first in range(0, own_genes.size, STRETCH):
            last = min(first + STRETCH, own_genes.size)
            n_members, steps, square = note_members(
                own_genes[first:last], own_counts[first:last], used, table, members
            )
            total += steps
            squared += square
            for i in range(n_members):
                place = first + members[i]
                gene: Any = np.uint64(own_genes[place])
                count = np.uint64(own_counts[place])
                if count < np.uint64(TABLE_SIZE):
                    steps = table[0, count]
                    square = table[1, count]
                    logged = steps * (1.0 / GRID)
                else:
                    logged = math.log1p(count_at(genes, counts, begin, tail, place) * scale)
                    steps = int(np.rint(logged * GRID))
                    square = int(np.rint(logged * logged * GRID))
                    total += steps
                    squared += square
                if gene == dustbin:
                    total -= steps
                    squared -= square
                for k in range(pointers[gene], pointers[gene + np.uint64(1)]):
                    row[2 + sets[k]] += weights[k] * logged
        row[0], row[1] = total * (1.0 / GRID), squared * (1.0 / GRID)


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
        Room to work in, shape ``(TABLE_SIZE,)``; each thread its own.
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
