"""The pass over a block of cells: checked, measured and packed at once."""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.packing import pack_merged, pack_merged_reference, pack_ordered
from turncoat.tally.kernels.units import (
    BEGIN,
    DETECTED,
    END,
    ESCAPE,
    IN_LIBRARY,
    LENGTH,
    LIBRARY,
    MITO,
    NO_ROOM,
    NOT_FINITE,
    SEEN,
    SHARED_GENE,
    SOUND,
)
from turncoat.tally.kernels.values import find_problem, find_problem_reference, look


def one_gene_a_column_reference(columns: IntArray) -> bool:
    """Tell whether columns have distinct genes, with NumPy."""
    return bool(((columns & IN_LIBRARY) > 0).all() and not ((columns & SHARED_GENE) > 0).any())


@kernel(reference=one_gene_a_column_reference)
def one_gene_a_column(columns: IntArray) -> bool:
    """Tell whether every column is of a gene, and of one that no other column has."""
    every: Any = IN_LIBRARY
    some: Any = 0
    for column in columns:
        every &= column
        some |= column
    simple: bool = every != 0 and (some & SHARED_GENE) == 0
    return simple


def counts_seen_reference(counts: IntArray) -> int:
    """Set a bit for every count that occurs, with NumPy."""
    present = np.unique(np.minimum(counts, 63)).tolist()
    return int(np.uint64(sum(1 << count for count in present)).astype(np.int64))


@kernel(reference=counts_seen_reference)
def counts_seen(counts: IntArray) -> int:
    """Set bit ``min(count, 63)`` for every packed count that occurs."""
    seen: Any = np.uint64(0)
    for count in counts:
        seen |= np.uint64(1) << np.uint64(min(count, np.uint8(63)))
    return np.int64(seen)  # type: ignore[return-value]


def pack_cells_reference(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
    ledger: IntArray,
    scratch: IntArray,
) -> tuple[int, int, int]:
    """Pack cells one by one; the order of genes within a cell may differ from the kernel's."""
    for cell in range(indptr.size - 1):
        span = slice(indptr[cell], indptr[cell + 1])
        own, chosen = data[span], indices[span]
        problem, where = find_problem_reference(own, chosen, columns.size)
        if problem:
            return problem, cell, int(indptr[cell]) + where
        total = int(own.astype(np.int64).sum())
        if place + own.size + 2 * min(own.size, total // ESCAPE) > genes.size:
            return NO_ROOM, cell, 0
        found, tail, mito, outside = pack_merged_reference(
            own, chosen, columns, genes, counts, place, scratch
        )
        if found < 0:
            return NOT_FINITE, cell, int(indptr[cell])
        seen = counts_seen_reference(counts[place : place + found])
        ledger[cell] = place, found, seen, total - outside, found, mito, tail
        place = tail
    return SOUND, 0, place


@kernel(reference=pack_cells_reference, ahead=True)
def pack_cells(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
    ledger: IntArray,
    scratch: IntArray,
) -> tuple[int, int, int]:
    """Check, measure and pack cells, each while its values are in the cache.

    Parameters
    ----------
    data, indices, indptr
        Cells in CSR form; columns of a cell in any order, possibly repeated; ``indptr`` counts
        from the first value of ``data``.
    columns
        Gene of each column of the file, and what is known of it as bits.
    genes, counts
        Where to pack to, from ``place`` on.
    ledger
        Set: a line per cell (see :mod:`turncoat.tally.kernels.units`).
    scratch
        As in :func:`pack_merged`.

    Returns
    -------
    tuple of int
        What is wrong (0: nothing), with which cell, at which place of ``data``; the end of what
        was packed if nothing is.
    """
    simple = one_gene_a_column(columns)
    for cell in range(indptr.size - 1):
        begin, end = indptr[cell], indptr[cell + 1]
        own, chosen = data[begin:end], indices[begin:end]
        library, sound, in_order = look(own, chosen, columns.size)
        if not sound:
            problem, where = find_problem(own, chosen, columns.size)
            return problem, cell, begin + where
        # Of counts that sum to this, no more can be large.
        if place + own.size + 2 * min(own.size, library // ESCAPE) > genes.size:
            return NO_ROOM, cell, 0
        merge = not (simple and in_order)
        found, tail, mito, outside = end - begin, place + end - begin, 0, 0
        if not merge:
            tail, mito, merge = pack_ordered(own, chosen, columns, genes, counts, place)
        if merge:
            found, tail, mito, outside = pack_merged(
                own, chosen, columns, genes, counts, place, scratch
            )
        if found < 0:
            return NOT_FINITE, cell, begin
        ledger[cell, BEGIN] = place
        ledger[cell, LENGTH] = found
        ledger[cell, SEEN] = counts_seen(counts[place : place + found])
        ledger[cell, LIBRARY] = library - outside
        ledger[cell, DETECTED] = found
        ledger[cell, MITO] = mito
        ledger[cell, END] = tail
        place = tail
    return SOUND, 0, place
