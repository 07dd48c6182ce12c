"""The fused pass over a block of cells: checked, measured, normalised and summed at once."""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.adding import (
    add_merged,
    add_merged_reference,
    add_ordered,
    fill_table,
)
from turncoat.tally.kernels.units import IN_LIBRARY, N_SUMS, SHARED_GENE, SOUND, TABLE_SIZE
from turncoat.tally.kernels.values import find_problem, find_problem_reference, look


def outside_library_reference(data: FloatArray, indices: IntArray, kinds: IntArray) -> int:
    """Sum the counts that are of no gene, with NumPy."""
    return int(data[(kinds[indices] & IN_LIBRARY) == 0].astype(np.int64).sum())


@kernel(reference=outside_library_reference)
def outside_library(data: FloatArray, indices: IntArray, kinds: IntArray) -> int:
    """Sum the counts of a cell that are of no gene (antibodies, guides)."""
    total = 0
    for k in range(data.size):
        if (kinds[indices[k]] & IN_LIBRARY) == 0:
            total += int(data[k])
    return total


def tally_cells_reference(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    cells: IntArray,
    slots: IntArray,
    columns: IntArray,
    kinds: IntArray,
    target_sum: float,
    sums: IntArray,
    squares: IntArray,
    measures: IntArray,
    scratch: IntArray,
) -> tuple[int, int, int]:
    """Tally cells one by one with dense vectors."""
    for cell in cells.tolist():
        begin, end = int(indptr[cell]), int(indptr[cell + 1])
        problem, place = find_problem_reference(data, indices, begin, end, columns.size)
        if problem:
            return problem, cell, place
        own, genes = data[begin:end], indices[begin:end]
        library = int(own.astype(np.int64).sum()) - outside_library_reference(own, genes, kinds)
        scale = target_sum / library if library else 0.0
        touched = np.empty(0, dtype=np.int64)
        detected, mito = add_merged_reference(
            own, genes, columns, kinds, scale, sums[slots[cell]], squares, scratch, touched
        )
        measures[cell] = library, detected, mito
    return SOUND, 0, 0


@kernel(reference=tally_cells_reference)
def tally_cells(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    cells: IntArray,
    slots: IntArray,
    columns: IntArray,
    kinds: IntArray,
    target_sum: float,
    sums: IntArray,
    squares: IntArray,
    measures: IntArray,
    scratch: IntArray,
) -> tuple[int, int, int]:
    """Check, measure, normalise and sum cells, each while its values are in the cache.

    Parameters
    ----------
    data, indices, indptr
        A block of cells in CSR form; columns of a cell in any order, possibly repeated.
    cells
        Cells of the block to tally, in any order (by row is kindest to the cache).
    slots
        Where in ``sums`` each cell of the block goes, shape ``(n_cells,)``.
    columns, kinds
        Gene of each column of the file (below 0: none), and what is known of it as bits.
    target_sum
        Counts per cell after normalisation.
    sums
        Added to: whole numbers, shape ``(n_slots, n_genes, 4)``.
    squares
        Added to: squared counts per gene, shape ``(n_genes,)``.
    measures
        Set: library size, genes detected, mitochondrial counts, shape ``(n_cells, 3)``.
    scratch
        Zeros of shape ``(n_genes + n_columns,)``; zeros again afterwards.

    Returns
    -------
    tuple of int
        What is wrong (0: nothing), with which cell, at which place of ``data``.
    """
    table = np.zeros((TABLE_SIZE, N_SUMS), dtype=np.int64)
    touched = np.empty(scratch.size, dtype=np.int64)
    all_kinds: Any = IN_LIBRARY
    any_kinds: Any = 0
    for kind in kinds:
        all_kinds &= kind
        any_kinds |= kind
    for cell in cells:
        begin, end = indptr[cell], indptr[cell + 1]
        library, seen, sound, in_order = look(data, indices, begin, end, columns.size)
        if not sound:
            problem, place = find_problem(data, indices, begin, end, columns.size)
            return problem, cell, place
        own, genes, row = data[begin:end], indices[begin:end], sums[slots[cell]]
        if all_kinds == 0:
            library -= outside_library(own, genes, kinds)
        scale = target_sum / library if library > 0 else 0.0
        if in_order and (any_kinds & SHARED_GENE) == 0:
            fill_table(table, seen, scale)
            found = add_ordered(own, genes, columns, kinds, table, scale, row, squares)
        else:
            found = add_merged(own, genes, columns, kinds, scale, row, squares, scratch, touched)
        measures[cell, 0] = library
        measures[cell, 1] = found[0]
        measures[cell, 2] = found[1]
    return SOUND, 0, 0
