"""Cells packed to three bytes a value: checked, measured, their columns turned into genes.

A packed value is a gene (two bytes; four where there are more than 65,535 genes) and a count
(one byte). The counts from 255 on are written after the end of their cell, in order, two
entries each: the gene and the count of an entry hold 24 bits of the value, least first.
"""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray
from turncoat.tally.kernels.units import (
    ESCAPE,
    GENE_MASK,
    IN_LIBRARY,
    LARGEST_COUNT,
    MITO_BIT,
    MITOCHONDRIAL,
)


def write_large_reference(genes: IntArray, counts: IntArray, place: int, large: int) -> None:
    """Write a large count, byte by byte."""
    low, middle, third, high = int(large).to_bytes(4, "little")
    genes[place], counts[place] = low | middle << 8, third
    genes[place + 1], counts[place + 1] = high, 0


@kernel(reference=write_large_reference)
def write_large(genes: IntArray, counts: IntArray, place: int, large: int) -> None:
    """Write a count that does not fit into a byte, as two entries."""
    genes[place] = large & 0xFFFF
    counts[place] = (large >> 16) & 0xFF
    genes[place + 1] = (large >> 24) & 0xFF
    counts[place + 1] = 0


def pack_ordered_reference(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
) -> tuple[int, int, bool]:
    """Pack a cell, with NumPy."""
    whole = data.astype(np.int64)
    genes[place : place + data.size] = columns[indices] & GENE_MASK
    counts[place : place + data.size] = np.minimum(whole, ESCAPE)
    tail = place + data.size
    for large in whole[whole >= ESCAPE]:
        write_large_reference(genes, counts, tail, int(large))
        tail += 2
    mito = int(whole[(columns[indices] & MITOCHONDRIAL) > 0].sum())
    return tail, mito, bool((whole == 0).any())


@kernel(reference=pack_ordered_reference)
def pack_ordered(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
) -> tuple[int, int, bool]:
    """Pack a cell whose columns are distinct and have distinct genes.

    Returns
    -------
    tuple
        End of the cell, mitochondrial counts, and whether there are stored zeros (then the cell has to be packed
        again by :func:`pack_merged`).
    """
    to_genes, to_counts = genes[place : place + data.size], counts[place : place + data.size]
    largest: Any = np.int32(0)
    any_zero = False
    for k in range(data.size):
        count = np.int32(data[k])
        any_zero |= count == 0
        largest = max(largest, count)
        to_counts[k] = np.uint8(min(count, np.int32(ESCAPE)))
    mito: Any = np.int64(0)
    for k in range(indices.size):
        column = columns[np.uint32(indices[k])]
        to_genes[k] = column & GENE_MASK
        mito += np.int64(np.int32(data[k])) * np.int64((column >> MITO_BIT) & 1)
    tail = place + data.size
    if largest >= ESCAPE:
        for k in range(data.size):
            if to_counts[k] == ESCAPE:
                write_large(genes, counts, tail, int(data[k]))
                tail += 2
    return tail, mito, any_zero


def pack_merged_reference(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
    scratch: IntArray,
) -> tuple[int, int, int, int]:
    """Pack a cell of any columns, by a dictionary of its genes."""
    merged: dict[tuple[int, int], int] = {}
    mito = outside = 0
    dustbin = scratch.shape[1] - columns.size - 1
    for value, number in zip(data.tolist(), indices.tolist(), strict=True):
        column, count = int(columns[number]), int(value)
        mito += count if column & MITOCHONDRIAL else 0
        if not column & IN_LIBRARY:
            outside += count
        elif count:
            gene = column & GENE_MASK
            # Columns without a gene stay apart from each other: each is a gene detected.
            key = (gene, number if gene == dustbin else -1)
            merged[key] = merged.get(key, 0) + count
    tail = place + len(merged)
    if max(merged.values(), default=0) > LARGEST_COUNT:
        return -1, place, mito, outside
    for k, ((gene, _), total) in enumerate(merged.items()):
        genes[place + k], counts[place + k] = gene, min(total, ESCAPE)
        if total >= ESCAPE:
            write_large_reference(genes, counts, tail, total)
            tail += 2
    return len(merged), tail, mito, outside


@kernel(reference=pack_merged_reference)
def pack_merged(
    data: FloatArray,
    indices: IntArray,
    columns: IntArray,
    genes: IntArray,
    counts: IntArray,
    place: int,
    scratch: IntArray,
) -> tuple[int, int, int, int]:
    """Pack a cell whose columns repeat, are in no order, share genes or hold zeros: merged first.

    ``scratch`` is zeros in its first line, of shape ``(2, n_genes + 1 + n_columns)``; zeros
    again afterwards. Gene number ``n_genes`` is the dustbin of columns that the tally leaves out.

    Returns
    -------
    tuple of int
        Genes detected (-1 when the columns of one sum to no count that can be), end of the cell,
        mitochondrial counts, counts that are of no gene.
    """
    n_found: Any = 0
    mito: Any = np.int64(0)
    outside: Any = np.int64(0)
    dustbin = scratch.shape[1] - columns.size - 1
    for k in range(data.size):
        column = columns[indices[k]]
        count = np.int64(data[k])
        mito += count * np.int64((column & MITOCHONDRIAL) != 0)
        if not column & IN_LIBRARY:
            outside += count
        elif count > 0:
            gene = column & GENE_MASK
            key = gene if gene != dustbin else dustbin + 1 + indices[k]
            if scratch[0, key] == 0:
                scratch[1, n_found] = key
                n_found += 1
            scratch[0, key] += count
    tail = place + n_found
    too_large = False
    for k in range(n_found):
        key = scratch[1, k]
        total = scratch[0, key]
        scratch[0, key] = 0
        if total > LARGEST_COUNT:
            too_large = True
            continue
        genes[place + k] = min(key, dustbin)
        counts[place + k] = min(total, ESCAPE)
        if total >= ESCAPE:
            write_large(genes, counts, tail, total)
            tail += 2
    return -1 if too_large else n_found, tail, mito, outside
