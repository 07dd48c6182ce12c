"""Packed cells taken apart again: log-normalised values row by row, as a sparse matrix has them."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH, SEEN, TABLE_SIZE


def log_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    n_genes: int,
    target_sum: float,
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    logs: FloatArray,
) -> None:
    """Take packed cells apart value by value, and normalise them with NumPy."""
    del logs
    at = 0
    for cell in range(ledger.shape[0]):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        start = indptr[cell] = at
        own = []
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            if genes[place] < n_genes:
                own.append(count)
                indices[at] = genes[place]
                at += 1
        factor = np.float32(target_sum / max(sum(own), 1))
        scaled = np.array(own, dtype=np.float32) * factor
        data[start:at] = np.log1p(scaled.astype(np.float64))
    indptr[ledger.shape[0]] = at


def library_of_reference(
    genes: IntArray, counts: IntArray, begin: int, length: int, n_genes: int
) -> int:
    """Sum the counts of a cell, with NumPy."""
    tail, total = begin + length, 0
    for place in range(begin, begin + length):
        count = int(counts[place])
        if count == ESCAPE:
            count = read_large_reference(genes, counts, tail)
            tail += 2
        total += count * int(genes[place] < n_genes)
    return total


@kernel(reference=library_of_reference)
def library_of(genes: IntArray, counts: IntArray, begin: int, length: int, n_genes: int) -> int:
    """Sum the counts of a packed cell, without the dustbin."""
    tail = begin + length
    own_genes, own_counts = genes[begin:tail], counts[begin:tail]
    total: Any = np.int64(0)
    for j in range(own_genes.size):
        count: Any = np.int64(own_counts[j])
        if count == ESCAPE:
            count = read_large(genes, counts, tail)
            tail += 2
        total += count * np.int64(np.int64(own_genes[j]) < n_genes)
    return total  # type: ignore[no-any-return]


@kernel(reference=log_cells_reference, ahead=True)
def log_cells(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    n_genes: int,
    target_sum: float,
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    logs: FloatArray,
) -> None:
    """Take packed cells apart, without the dustbin, as log1p of counts per ``target_sum``.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    n_genes
        Genes; the number after the last is the dustbin.
    target_sum
        Counts per cell after normalisation.
    data, indices, indptr
        Set as a CSR matrix has them, ``data`` in float32; room for every value and one more, and
        ``n_cells + 1``.
    logs
        Room to work in, float32, shape ``(TABLE_SIZE,)``.
    """
    at: Any = np.uint64(0)
    for cell in range(ledger.shape[0]):
        begin, length, seen = ledger[cell, BEGIN], ledger[cell, LENGTH], ledger[cell, SEEN]
        tail = begin + length
        indptr[cell] = at
        library = library_of(genes, counts, begin, length, n_genes)
        # As values of float32 are scaled; the logarithm is rounded once.
        factor = np.float32(target_sum / max(library, 1))
        for count in range(1, TABLE_SIZE):
            if (seen >> count) & 1:
                logs[count] = math.log1p(np.float64(np.float32(count) * factor))
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for j in range(own_genes.size):
            large: Any = np.int64(own_counts[j])
            if large < TABLE_SIZE:
                data[at] = logs[large]
            else:
                if large == ESCAPE:
                    large = read_large(genes, counts, tail)
                    tail += 2
                data[at] = math.log1p(np.float64(np.float32(large) * factor))
            indices[at] = own_genes[j]
            at += np.uint64(np.int64(own_genes[j]) < n_genes)
    indptr[ledger.shape[0]] = at
