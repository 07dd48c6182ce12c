"""Packed cells taken apart again: counts row by row, as a sparse matrix stores them."""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH


def unpack_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    n_genes: int,
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
) -> None:
    """Take packed cells apart value by value."""
    at = 0
    for cell in range(ledger.shape[0]):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        indptr[cell] = at
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            if genes[place] < n_genes:
                data[at], indices[at] = count, genes[place]
                at += 1
    indptr[ledger.shape[0]] = at


@kernel(reference=unpack_cells_reference, ahead=True)
def unpack_cells(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    n_genes: int,
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
) -> None:
    """Take packed cells apart, without the dustbin.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    n_genes
        Genes; the number after the last is the dustbin.
    data, indices, indptr
        Set as a CSR matrix has them; room for every value, and ``n_cells + 1``.
    """
    at: Any = np.uint64(0)
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        tail = begin + length
        indptr[cell] = at
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for j in range(own_genes.size):
            count: Any = np.int64(own_counts[j])
            if count == ESCAPE:
                count = read_large(genes, counts, tail)
                tail += 2
            data[at], indices[at] = count, own_genes[j]
            at += np.uint64(np.int64(own_genes[j]) < n_genes)
    indptr[ledger.shape[0]] = at
