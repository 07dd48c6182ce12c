"""Adding one cell to the sums of its row."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import GRID, IN_LIBRARY, MITOCHONDRIAL, TABLE_SIZE


def fill_table_reference(table: IntArray, seen: int, scale: float) -> None:
    """Work out what each count of a cell adds, with NumPy."""
    for count in range(1, TABLE_SIZE - 1):
        if seen >> count & 1:
            logged = np.log1p(count * scale)
            table[count] = count, 1, np.rint(logged * GRID), np.rint(logged * logged * GRID)


@kernel(reference=fill_table_reference)
def fill_table(table: IntArray, seen: int, scale: float) -> None:
    """Work out once per cell what each count that occurs in it adds to the four sums."""
    for count in range(1, TABLE_SIZE - 1):
        if (seen >> count) & 1:
            logged = math.log1p(count * scale)
            table[count, 0] = count
            table[count, 1] = 1
            table[count, 2] = np.int64(np.rint(logged * GRID))
            table[count, 3] = np.int64(np.rint(logged * logged * GRID))


def add_count_reference(total: IntArray, count: int, scale: float) -> None:
    """Add one count to the four sums of a gene, with NumPy."""
    logged = np.log1p(count * scale)
    total += np.array([count, 1, np.rint(logged * GRID), np.rint(logged**2 * GRID)], dtype=np.int64)


@kernel(reference=add_count_reference)
def add_count(total: IntArray, count: int, scale: float) -> None:
    """Add one count, above 0, to the four sums of a gene."""
    logged = math.log1p(count * scale)
    total[0] += count
    total[1] += 1
    total[2] += np.int64(np.rint(logged * GRID))
    total[3] += np.int64(np.rint(logged * logged * GRID))


def add_ordered_reference(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    kinds: IntArray,
    table: IntArray,  # noqa: ARG001 - the twin has the kernel's parameters
    scale: float,
    sums: IntArray,
    squares: IntArray,
) -> tuple[int, int]:
    """Add a cell whose columns are distinct and have distinct genes, value by value."""
    detected, mito = 0, 0
    for column, value in zip(indices.tolist(), data.tolist(), strict=True):
        count, gene = int(value), int(columns[column])
        mito += count if kinds[column] & MITOCHONDRIAL else 0
        detected += count > 0 and bool(kinds[column] & IN_LIBRARY)
        if gene >= 0 and count > 0:
            squares[gene] += count * count
            add_count_reference(sums[gene], count, scale)
    return detected, mito


@kernel(reference=add_ordered_reference)
def add_ordered(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    kinds: IntArray,
    table: IntArray,
    scale: float,
    sums: IntArray,
    squares: IntArray,
) -> tuple[int, int]:
    """Add a cell whose columns are distinct and have distinct genes: the hot loop.

    Returns
    -------
    tuple of int
        Genes detected and mitochondrial counts.
    """
    detected: Any = np.int64(0)
    mito: Any = np.int64(0)
    for k in range(data.size):
        column = np.uint64(indices[k])
        count: Any = np.int64(data[k])
        kind = kinds[column]
        detected += (count > 0) & (kind & IN_LIBRARY)
        mito += count * ((kind & MITOCHONDRIAL) >> 1)
        if columns[column] < 0:
            continue
        gene = np.uint64(columns[column])
        squares[gene] += count * count
        total = sums[gene]
        if count < TABLE_SIZE - 1:
            terms = table[np.uint64(count)]
            total[0] += terms[0]
            total[1] += terms[1]
            total[2] += terms[2]
            total[3] += terms[3]
        else:
            add_count(total, count, scale)
    return detected, mito


def add_merged_reference(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    kinds: IntArray,
    scale: float,
    sums: IntArray,
    squares: IntArray,
    scratch: IntArray,
    touched: IntArray,  # noqa: ARG001 - the twin has the kernel's parameters
) -> tuple[int, int]:
    """Add a cell of any columns, by a dense vector of its genes."""
    whole = data.astype(np.int64)
    mito = int(whole[(kinds[indices] & MITOCHONDRIAL) > 0].sum())
    counts = np.zeros(scratch.size, dtype=np.int64)
    kept = columns[indices] >= 0
    np.add.at(counts, columns[indices][kept], whole[kept])
    others = ~kept & (whole > 0) & ((kinds[indices] & IN_LIBRARY) > 0)
    for gene in np.flatnonzero(counts):
        squares[gene] += counts[gene] ** 2
        add_count_reference(sums[gene], int(counts[gene]), scale)
    return int((counts > 0).sum()) + int(np.unique(indices[others]).size), mito


@kernel(reference=add_merged_reference)
def add_merged(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    kinds: IntArray,
    scale: float,
    sums: IntArray,
    squares: IntArray,
    scratch: IntArray,
    touched: IntArray,
) -> tuple[int, int]:
    """Add a cell whose columns repeat, are in no order, or share genes: merged, then added.

    ``scratch`` is zeros, one a gene and then one a column without a gene; zeros again
    afterwards. ``touched`` is room for as many numbers.

    Returns
    -------
    tuple of int
        Genes detected and mitochondrial counts.
    """
    n_touched: Any = 0
    mito: Any = np.int64(0)
    n_genes = sums.shape[0]
    for k in range(data.size):
        column = indices[k]
        count = np.int64(data[k])
        kind = kinds[column]
        mito += count * ((kind & MITOCHONDRIAL) >> 1)
        gene = columns[column]
        place = gene if gene >= 0 else n_genes + column
        if count > 0 and kind & IN_LIBRARY:
            if scratch[place] == 0:
                touched[n_touched] = place
                n_touched += 1
            scratch[place] += count
    for k in range(n_touched):
        place = touched[k]
        if place < n_genes:
            squares[place] += scratch[place] * scratch[place]
            add_count(sums[place], scratch[place], scale)
        scratch[place] = 0
    return n_touched, mito
