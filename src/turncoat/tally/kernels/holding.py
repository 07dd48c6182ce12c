"""Packed cells laid out one after the other as bytes, and taken apart again."""

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import IntArray
from turncoat.tally.kernels.units import BEGIN, END


def copy_bytes_reference(source: IntArray, target: IntArray) -> None:
    """Copy, with NumPy."""
    target[:] = source


@kernel(reference=copy_bytes_reference)
def copy_bytes(source: IntArray, target: IntArray) -> None:
    """Copy bytes to a place that does not overlap, without the room that a slice would take."""
    for j in range(target.size):
        target[j] = source[j]


def lay_out_cells_reference(
    genes: IntArray, counts: IntArray, width: int, ledger: IntArray, cells: IntArray, out: IntArray
) -> None:
    """Join the bytes of each cell, with NumPy."""
    parts = []
    for begin, end in ledger[cells][:, [BEGIN, END]].tolist():
        parts += [genes[width * begin : width * end], counts[begin:end]]
    laid = np.concatenate([np.empty(0, dtype=np.uint8), *parts])
    out[: laid.size] = laid


@kernel(reference=lay_out_cells_reference, ahead=True)
def lay_out_cells(
    genes: IntArray, counts: IntArray, width: int, ledger: IntArray, cells: IntArray, out: IntArray
) -> None:
    """Lay out some cells as bytes: of each its genes, then its counts.

    Parameters
    ----------
    genes, counts, ledger
        Packed cells; ``genes`` as bytes.
    width
        Bytes of a gene.
    cells
        Which to lay out, in this order.
    out
        Set: bytes, room for all.
    """
    at = 0
    for cell in cells:
        begin, end = ledger[cell, BEGIN], ledger[cell, END]
        middle = at + width * (end - begin)
        last = middle + end - begin
        copy_bytes(genes[width * begin : width * end], out[at:middle])
        copy_bytes(counts[begin:end], out[middle:last])
        at = last


def take_apart_cells_reference(
    laid: IntArray,
    places: IntArray,
    cells: IntArray,
    ledger: IntArray,
    genes: IntArray,
    counts: IntArray,
    width: int,
) -> None:
    """Split the bytes of each cell, with NumPy."""
    for place, cell in zip(places.tolist(), cells.tolist(), strict=True):
        begin, end = ledger[cell, [BEGIN, END]].tolist()
        size = end - begin
        own = laid[place : place + (width + 1) * size]
        genes[width * begin : width * end] = own[: width * size]
        counts[begin:end] = own[width * size :]


@kernel(reference=take_apart_cells_reference, ahead=True)
def take_apart_cells(
    laid: IntArray,
    places: IntArray,
    cells: IntArray,
    ledger: IntArray,
    genes: IntArray,
    counts: IntArray,
    width: int,
) -> None:
    """Undo :func:`lay_out_cells`.

    Parameters
    ----------
    laid
        Bytes.
    places
        Where in ``laid`` each of ``cells`` begins, same shape.
    cells
        Cells to take apart: numbers of lines of ``ledger``.
    ledger
        Where the values of each cell are to be.
    genes, counts
        Set; ``genes`` as bytes.
    width
        Bytes of a gene.
    """
    for k in range(cells.size):
        begin, end = ledger[cells[k], BEGIN], ledger[cells[k], END]
        size = end - begin
        middle = places[k] + width * size
        copy_bytes(laid[places[k] : middle], genes[width * begin : width * end])
        copy_bytes(laid[middle : middle + size], counts[begin:end])
