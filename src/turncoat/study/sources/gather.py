"""Rows gathered from values that are stored in another order, in bounded memory.

Two passes over the values: the first counts them per row, from the cell numbers alone; the second
deals them out to windows of consecutive rows. Where they do not fit in memory, they go to a temporary
file. A window is put in order when it is read, by whichever thread reads it.
"""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from turncoat.study.sources.dealing import Dealt, Stretches, Triple, share_out
from turncoat.study.sources.kernels import count_cells, place_values
from turncoat.study.sources.protocol import Block
from turncoat.tables import FloatArray, IntArray

__all__ = ["VALUES_IN_MEMORY", "GatheredRows", "Stretches", "Triple", "windows"]

#: Values in memory at a time (8 to 16 bytes each); more go to a temporary file.
VALUES_IN_MEMORY = 16_000_000
#: Windows that so many values are cut into: one a thread is put in order at a time.
WINDOWS_IN_MEMORY = 8


class GatheredRows:
    """Values that come in any order, to be read row by row.

    Parameters
    ----------
    stretches
        The values; every stretch is read twice.
    shape
        Number of cells and genes.
    in_memory
        Values in memory at a time; :data:`VALUES_IN_MEMORY` by default. A single row that has
        more than a window is read at once all the same.
    n_threads
        Threads that read. The rows are the same for any number.

    Raises
    ------
    OutputError
        When temporary files cannot be written.
    """

    def __init__(
        self,
        stretches: Stretches,
        shape: tuple[int, int],
        *,
        in_memory: int | None = None,
        n_threads: int = 1,
    ) -> None:
        single = np.result_type(np.float32, stretches.dtype) == np.float32
        self._dtype: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
        sizes = _count(stretches, shape[0], n_threads)
        #: Where the values of each row begin.
        self.indptr: IntArray = np.concatenate([[0], np.cumsum(sizes)])
        limit = VALUES_IN_MEMORY if in_memory is None else in_memory
        #: First row of each window.
        self.starts = windows(self.indptr, max(1, limit // WINDOWS_IN_MEMORY))
        self._ends = np.append(self.starts[1:], shape[0])
        n_values = int(self.indptr[-1])
        self._dealt = Dealt(
            stretches, self.starts, shape, on_disk=n_values > limit, n_values=n_values
        )
        share_out(self._dealt.deal, len(stretches), n_threads)
        self._lock = threading.Lock()
        self._held: tuple[int, FloatArray, IntArray] | None = None

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order, genes in a row in the order they are stored."""
        for number, (begin, end) in enumerate(zip(self.starts, self._ends, strict=True)):
            first_row, last_row = max(start, int(begin)), min(stop, int(end))
            if first_row >= last_row:
                continue
            data, indices = self._kept(number)
            base = int(self.indptr[begin])
            for first in range(first_row, last_row, rows_per_block):
                last = min(first + rows_per_block, last_row)
                pointers = self.indptr[first : last + 1] - base
                inside = slice(int(pointers[0]), int(pointers[-1]))
                yield Block(first, data[inside], indices[inside], pointers - pointers[0])

    def _kept(self, number: int) -> tuple[FloatArray, IntArray]:
        """Give a window; the last one is kept."""
        with self._lock:
            if self._held is None or self._held[0] != number:
                self._held = None
                self._held = (number, *self.window(number))
            return self._held[1:]

    def window(self, number: int) -> tuple[FloatArray, IntArray]:
        """Put the values of one window in the order of its rows; many threads can at once."""
        begin, end = int(self.starts[number]), int(self._ends[number])
        cursor = self.indptr[begin:end] - self.indptr[begin]
        size = int(self.indptr[end] - self.indptr[begin])
        data, indices = np.empty(size, self._dtype), np.empty(size, np.int32)
        for cells, genes, values in self._dealt.window(number):
            place_values(cells, genes, values, cursor, data, indices)
        return data, indices


def _count(stretches: Stretches, n_rows: int, n_threads: int) -> IntArray:
    """Count the values of each row."""
    idle: list[IntArray] = []

    def count(number: int) -> None:
        # Each thread adds to counts of its own; lists are safe to share.
        counts = idle.pop() if idle else np.zeros(n_rows, dtype=np.int64)
        count_cells(np.ascontiguousarray(stretches.cells(number), dtype=np.int32), counts)
        idle.append(counts)

    share_out(count, len(stretches), n_threads)
    total: IntArray = np.sum(idle, axis=0) if idle else np.zeros(n_rows, dtype=np.int64)
    return total


def windows(indptr: IntArray, limit: int) -> IntArray:
    """First rows of windows that have at most ``limit`` values each (or are one row)."""
    starts = [0]
    n_rows = indptr.size - 1
    while True:
        begin = starts[-1]
        end = int(np.searchsorted(indptr, indptr[begin] + limit, side="right")) - 1
        end = max(end, begin + 1)
        if end >= n_rows:
            return np.array(starts, dtype=np.int64)
        starts.append(end)
