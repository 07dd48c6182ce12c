"""What tells whether a packed cell is fit to be counted: shares of families, lineages shown."""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import IntArray
from turncoat.tally.kernels.adding import read_large, read_large_reference
from turncoat.tally.kernels.units import BEGIN, ESCAPE, LENGTH


def measure_kinds_reference(
    genes: IntArray, counts: IntArray, ledger: IntArray, kinds: IntArray, measured: IntArray
) -> None:
    """Add up genes and counts of each kind cell by cell, with NumPy."""
    measured[:] = 0
    for cell in range(ledger.shape[0]):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            kind = kinds[genes[place]]
            if kind >= 0:
                measured[cell, kind] += (1, count)


@kernel(reference=measure_kinds_reference, ahead=True)
def measure_kinds(
    genes: IntArray, counts: IntArray, ledger: IntArray, kinds: IntArray, measured: IntArray
) -> None:
    """Add up genes and counts of each kind.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells.
    kinds
        Kind of each gene, the dustbin last; -1 for none. Shape ``(n_genes + 1,)``.
    measured
        Set: genes and counts, shape ``(n_cells, n_kinds, 2)``.
    """
    measured[:] = 0
    for cell in range(ledger.shape[0]):
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for j in range(own_genes.size):
            gene: Any = np.uint64(own_genes[j])
            count: Any = np.int64(own_counts[j])
            if count == ESCAPE:
                count = read_large(genes, counts, tail)
                tail += 2
            kind = kinds[gene]
            if kind >= 0:
                measured[cell, kind, 0] += 1
                measured[cell, kind, 1] += count
