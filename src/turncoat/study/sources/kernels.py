"""The compiled loops of the readers: values put in the order of rows, chunks unpacked."""

from typing import Any

import numpy as np

from turncoat.kernel import kernel
from turncoat.tables import FloatArray, IntArray


def count_cells_reference(cells: IntArray, counts: IntArray) -> None:
    """Count the values of each cell, with NumPy."""
    counts += np.bincount(cells, minlength=counts.size)


@kernel(reference=count_cells_reference, allocates=False, ahead=True)
def count_cells(cells: IntArray, counts: IntArray) -> None:
    """Add one to the count of each value's cell."""
    for k in range(cells.size):
        counts[cells[k]] += 1


def deal_values_reference(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    window_of: IntArray,
    starts: IntArray,
    cursor: IntArray,
    to_cells: IntArray,
    to_genes: IntArray,
    to_values: FloatArray,
) -> None:
    """Put values in the order of their windows, with NumPy."""
    window = window_of[cells]
    order = np.argsort(window, kind="stable")
    to_cells[:] = cells[order] - starts[window[order]]
    to_genes[:] = genes[order]
    to_values[:] = values[order]
    cursor[1:] = np.cumsum(np.bincount(window, minlength=cursor.size - 1))


@kernel(reference=deal_values_reference, allocates=False, ahead=True)
def deal_values(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    window_of: IntArray,
    starts: IntArray,
    cursor: IntArray,
    to_cells: IntArray,
    to_genes: IntArray,
    to_values: FloatArray,
) -> None:
    """Put values in the order of their windows of cells, those of one window in the order they had.

    Parameters
    ----------
    cells, genes, values
        A stretch of values.
    window_of
        Window of each cell of the matrix.
    starts
        First cell of each window.
    cursor
        Zeros, shape ``(n_windows + 1,)``; afterwards where each window begins, and the end.
    to_cells, to_genes, to_values
        The same values sorted; cells are numbered from the start of their window.
    """
    for k in range(cells.size):
        cursor[window_of[cells[k]] + 1] += 1
    for window in range(1, cursor.size):
        cursor[window] += cursor[window - 1]
    for k in range(cells.size):
        window = window_of[cells[k]]
        place = cursor[window]
        cursor[window] = place + 1
        to_cells[place] = cells[k] - starts[window]
        to_genes[place] = genes[k]
        to_values[place] = values[k]
    # Each window's cursor now is at its end, which is where the next one begins.
    for window in range(cursor.size - 1, 0, -1):
        cursor[window] = cursor[window - 1]
    cursor[0] = 0


def place_values_reference(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    cursor: IntArray,
    data: FloatArray,
    indices: IntArray,
) -> None:
    """Put each value behind the last one of its cell, as plainly as NumPy allows."""
    order = np.argsort(cells, kind="stable")
    counts = np.bincount(cells, minlength=cursor.size)
    rank = np.arange(cells.size) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.repeat(cursor, counts) + rank
    data[place] = values[order]
    indices[place] = genes[order]
    cursor += counts


@kernel(reference=place_values_reference, allocates=False, ahead=True)
def place_values(
    cells: IntArray,
    genes: IntArray,
    values: FloatArray,
    cursor: IntArray,
    data: FloatArray,
    indices: IntArray,
) -> None:
    """Put each value behind the last one of its cell: one touch per value, no sorting."""
    for k in range(cells.size):
        place = cursor[cells[k]]
        data[place] = values[k]
        indices[place] = genes[k]
        cursor[cells[k]] = place + 1


def keep_stored_reference(
    dense: FloatArray, data: FloatArray, indices: IntArray, indptr: IntArray
) -> None:
    """Keep what is not zero of some cells, with NumPy."""
    cells, genes = np.nonzero(dense)
    data[: cells.size], indices[: cells.size] = dense[cells, genes], genes
    indptr[0] = 0
    indptr[1:] = np.cumsum(np.bincount(cells, minlength=dense.shape[0]))


@kernel(reference=keep_stored_reference, allocates=False, ahead=True)
def keep_stored(dense: FloatArray, data: FloatArray, indices: IntArray, indptr: IntArray) -> None:
    """Keep what is not zero (NaN is not) of some cells, as the arrays of a CSR matrix."""
    place = 0
    indptr[0] = 0
    for cell in range(dense.shape[0]):
        for gene in range(dense.shape[1]):
            value = dense[cell, gene]
            # Written always, kept if it counts: a branch would be guessed wrong too often.
            data[place] = value
            indices[place] = gene
            place += int(value != 0)
        indptr[cell + 1] = place


def unshuffle_reference(stored: IntArray, out: IntArray, item_size: int) -> None:
    """Undo the shuffle filter, with NumPy."""
    whole = out.size // item_size * item_size
    out[:whole].reshape(-1, item_size)[:] = stored[:whole].reshape(item_size, -1).T
    out[whole:] = stored[whole:]


@kernel(reference=unshuffle_reference, allocates=False, ahead=True)
def unshuffle(stored: IntArray, out: IntArray, item_size: int) -> None:
    """Put the bytes of each item together again, which the shuffle filter has sorted by place."""
    n_items = out.size // item_size
    if item_size == 4:
        for k in range(n_items):
            out[4 * k] = stored[k]
            out[4 * k + 1] = stored[n_items + k]
            out[4 * k + 2] = stored[2 * n_items + k]
            out[4 * k + 3] = stored[3 * n_items + k]
    else:
        for k in range(n_items):
            for byte in range(item_size):
                out[item_size * k + byte] = stored[byte * n_items + k]
    for k in range(n_items * item_size, out.size):
        out[k] = stored[k]


def unpack_lzf_reference(stored: IntArray, out: IntArray) -> int:
    """Undo LZF, byte by byte."""
    raw, made = stored.tobytes(), bytearray()
    at = 0
    while at < len(raw):
        control = raw[at]
        at += 1
        if control < 32:
            if at + control + 1 > len(raw):
                return -1
            made += raw[at : at + control + 1]
            at += control + 1
        else:
            length = control >> 5
            more = int(length == 7)
            if at + 1 + more > len(raw):
                return -1
            length += more * raw[at]
            at += more
            begin = len(made) - ((control & 31) << 8) - raw[at] - 1
            at += 1
            if begin < 0:
                return -1
            for k in range(length + 2):
                made.append(made[begin + k])
        if len(made) > out.size:
            return -1
    out[: len(made)] = np.frombuffer(bytes(made), dtype=np.uint8)
    return len(made)


@kernel(reference=unpack_lzf_reference, allocates=False, ahead=True)
def unpack_lzf(stored: IntArray, out: IntArray) -> int:
    """Undo LZF; gives the number of bytes, or -1 when they are damaged or do not fit.

    A control byte below 32 announces so many literal bytes and one more; any other a repetition:
    three bits of length (all set: a byte more of it) and thirteen of distance.
    """
    at: Any = np.int64(0)
    done: Any = np.int64(0)
    while at < stored.size:
        control = np.int64(stored[at])
        at += 1
        if control < 32:
            length = control + 1
            if at + length > stored.size or done + length > out.size:
                return -1
            for k in range(length):
                out[done + k] = stored[at + k]
            at += length
        else:
            length = control >> 5
            more = np.int64(length == 7)
            if at + 1 + more > stored.size:
                return -1
            length += 2 + more * np.int64(stored[at])
            at += more
            begin = done - ((control & 31) << 8) - np.int64(stored[at]) - 1
            at += 1
            if begin < 0 or done + length > out.size:
                return -1
            for k in range(length):
                out[done + k] = out[begin + k]
        done += length
    return int(done)


def checksum_reference(stored: IntArray) -> int:
    """Fletcher's checksum as HDF5 has it: sums modulo 65,535 of big-endian pairs of bytes."""
    raw = stored.tobytes() + b"\0" * (stored.size % 2)
    words = np.frombuffer(raw, dtype=">u2").astype(object)
    first = second = 0
    for word in words:
        first += word
        second += first
    folded = [(total - 1) % 65_535 + 1 if total else 0 for total in (first, second)]
    return int(folded[1] << 16 | folded[0])


@kernel(reference=checksum_reference, allocates=False, ahead=True)
def checksum(stored: IntArray) -> int:
    """Fletcher's checksum as HDF5 has it: sums modulo 65,535 of big-endian pairs of bytes."""
    first: Any = np.int64(0)
    second: Any = np.int64(0)
    last = stored.size // 2 * 2
    for begin in range(0, last, 720):
        for k in range(begin, min(begin + 720, last), 2):
            first += np.int64(stored[k]) << 8 | np.int64(stored[k + 1])
            second += first
        first = (first & 0xFFFF) + (first >> 16)
        second = (second & 0xFFFF) + (second >> 16)
    if last < stored.size:
        first += np.int64(stored[last]) << 8
        second += first
    for _ in range(3):
        first = (first & 0xFFFF) + (first >> 16)
        second = (second & 0xFFFF) + (second >> 16)
    return int(second << 16 | first)
