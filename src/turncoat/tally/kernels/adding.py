"""Packed cells added to the sums of their rows: the loop that decides the speed."""

import math
from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import IntArray
from turncoat.tally.kernels.units import (
    BEGIN,
    ESCAPE,
    GRID,
    LENGTH,
    LIBRARY,
    N_SUMS,
    ONE_DETECTED,
    SEEN,
    TABLE_SIZE,
)


def read_large_reference(genes: IntArray, counts: IntArray, place: int) -> int:
    """Read a large count, byte by byte."""
    low, third, high = int(genes[place]), int(counts[place]), int(genes[place + 1])
    return int.from_bytes(bytes([low & 255, low >> 8, third, high]), "little")


@kernel(reference=read_large_reference)
def read_large(genes: IntArray, counts: IntArray, place: int) -> int:
    """Read a count that does not fit into a byte."""
    low: Any = np.int64(genes[place])
    third: Any = np.int64(counts[place])
    high: Any = np.int64(genes[place + 1])
    large: int = low | third << 16 | high << 24
    return large


def fill_table_reference(table: IntArray, seen: int, scale: float) -> None:
    """Work out what each count of a cell adds, with NumPy."""
    for count in range(1, TABLE_SIZE):
        if seen >> count & 1:
            logged = np.log1p(count * scale)
            table[:, count] = np.rint(logged * GRID), np.rint(logged * logged * GRID)


@kernel(reference=fill_table_reference)
def fill_table(table: IntArray, seen: int, scale: float) -> None:
    """Work out once per cell what each count that occurs in it adds: its log and its square."""
    for count in range(1, TABLE_SIZE):
        if (seen >> count) & 1:
            logged = math.log1p(count * scale)
            table[0, count] = np.int64(np.rint(logged * GRID))
            table[1, count] = np.int64(np.rint(logged * logged * GRID))


def add_cells_reference(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    cells: IntArray,
    slots: IntArray,
    target_sum: float,
    sums: IntArray,
    table: IntArray,
) -> None:
    """Add packed cells value by value."""
    del table
    for cell, slot in zip(cells.tolist(), slots.tolist(), strict=True):
        begin, length = int(ledger[cell, BEGIN]), int(ledger[cell, LENGTH])
        tail = begin + length
        for place in range(begin, begin + length):
            count = int(counts[place])
            if count == ESCAPE:
                count = read_large_reference(genes, counts, tail)
                tail += 2
            logged = np.log1p(count * (target_sum / int(ledger[cell, LIBRARY])))
            added = (ONE_DETECTED + count, np.rint(logged * GRID), np.rint(logged**2 * GRID))
            sums[slot].reshape(-1, N_SUMS)[genes[place]] += np.array(added).astype(np.int64)


@kernel(reference=add_cells_reference, ahead=True)
def add_cells(
    genes: IntArray,
    counts: IntArray,
    ledger: IntArray,
    cells: IntArray,
    slots: IntArray,
    target_sum: float,
    sums: IntArray,
    table: IntArray,
) -> None:
    """Normalise packed cells and add them to the sums of their rows.

    Parameters
    ----------
    genes, counts, ledger
        Cells as :func:`turncoat.tally.kernels.packing.pack_cells` leaves them.
    cells, slots
        Cells to add, by row (so that a row's sums stay in the cache), and where each goes.
    target_sum
        Counts per cell after normalisation.
    sums
        Added to, shape ``(n_slots, 3 * (n_genes + 1))``: the three sums of each gene together.
    table
        Room to work in, shape ``(2, TABLE_SIZE)``; each thread its own.
    """
    for k in range(cells.size):
        cell = cells[k]
        begin, length = ledger[cell, BEGIN], ledger[cell, LENGTH]
        if length == 0:
            continue
        scale = target_sum / ledger[cell, LIBRARY]
        fill_table(table, ledger[cell, SEEN], scale)
        row = sums[slots[k]]
        tail = begin + length
        own_genes, own_counts = genes[begin:tail], counts[begin:tail]
        for j in range(own_genes.size):
            at: Any = np.uint64(own_genes[j]) * np.uint64(N_SUMS)
            count: Any = np.uint64(own_counts[j])
            if count < np.uint64(TABLE_SIZE):
                row[at] += ONE_DETECTED + np.int64(count)
                row[at + np.uint64(1)] += table[0, count]
                row[at + np.uint64(2)] += table[1, count]
            else:
                if count == np.uint64(ESCAPE):
                    count = np.uint64(read_large(genes, counts, tail))
                    tail += 2
                logged = math.log1p(np.int64(count) * scale)
                row[at] += ONE_DETECTED + np.int64(count)
                row[at + np.uint64(1)] += np.int64(np.rint(logged * GRID))
                row[at + np.uint64(2)] += np.int64(np.rint(logged * logged * GRID))
