"""Rows gathered from values that are stored in another order, in bounded memory.

Two passes over the values: the first counts them per row, the second puts each in its place.
Where they do not fit in memory, the second deals them out to temporary files, one for each
window of consecutive rows that does fit; a window is put in order when it is read.
"""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.errors import OutputError
from turncoat.study.sources.kernels import place_values
from turncoat.study.sources.protocol import Block
from turncoat.tables import FloatArray, IntArray

#: A stretch of values: cell number, gene number, value; in any order.
Triple = tuple[IntArray, IntArray, FloatArray]

#: Values in memory at a time (8 to 12 bytes each); more go to temporary files.
VALUES_IN_MEMORY = 16_000_000
#: Values read back at a time.
RECORDS_PER_READ = 500_000


class GatheredRows:
    """Values that come in any order, to be read row by row.

    Parameters
    ----------
    triples
        Starts one pass over all values; called twice.
    n_rows
        Number of cells.
    in_memory
        Values in memory at a time; :data:`VALUES_IN_MEMORY` by default. A single row that has
        more is read at once all the same.

    Raises
    ------
    OutputError
        When temporary files cannot be written.
    """

    def __init__(
        self,
        triples: Callable[[], Iterator[Triple]],
        n_rows: int,
        *,
        in_memory: int | None = None,
    ) -> None:
        stored = np.zeros(n_rows, dtype=np.int64)
        exact = np.dtype(np.float32)
        for cells, _, values in triples():
            stored += np.bincount(cells, minlength=n_rows)
            exact = np.result_type(exact, values.dtype)
        self._dtype = np.dtype(np.float32 if exact == np.float32 else np.float64)
        self._indptr = np.concatenate([[0], np.cumsum(stored)])
        limit = VALUES_IN_MEMORY if in_memory is None else in_memory
        self._starts = windows(self._indptr, limit)
        self._lock = threading.Lock()
        self._held: tuple[int, FloatArray, IntArray] | None = None
        self._folder: Path | None = None
        if self._starts.size == 1:
            self._held = (0, *self._place(triples(), 0))
        else:
            self._deal_out(triples())

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order, genes in a row in the order of the pass."""
        ends = np.append(self._starts[1:], self._indptr.size - 1)
        for number, (begin, end) in enumerate(zip(self._starts, ends, strict=True)):
            first_row, last_row = max(start, int(begin)), min(stop, int(end))
            if first_row >= last_row:
                continue
            data, indices = self._window(number)
            base = int(self._indptr[begin])
            for first in range(first_row, last_row, rows_per_block):
                last = min(first + rows_per_block, last_row)
                pointers = self._indptr[first : last + 1] - base
                inside = slice(int(pointers[0]), int(pointers[-1]))
                yield Block(first, data[inside], indices[inside], pointers - pointers[0])

    def _window(self, number: int) -> tuple[FloatArray, IntArray]:
        with self._lock:
            if self._held is None or self._held[0] != number:
                self._held = None
                self._held = (number, *self._place(self._dealt(number), number))
            return self._held[1:]

    def _place(self, triples: Iterable[Triple], number: int) -> tuple[FloatArray, IntArray]:
        """Put the values of one window in their places."""
        begin = int(self._starts[number])
        last = number + 1 == self._starts.size
        end = self._indptr.size - 1 if last else int(self._starts[number + 1])
        cursor = self._indptr[begin:end] - self._indptr[begin]
        size = int(self._indptr[end] - self._indptr[begin])
        data, indices = np.empty(size, self._dtype), np.empty(size, np.int32)
        for cells, genes, values in triples:
            place_values(
                (cells - begin).astype(np.int32),
                genes.astype(np.int32),
                values.astype(self._dtype),
                cursor,
                data,
                indices,
            )
        return data, indices

    def _deal_out(self, triples: Iterator[Triple]) -> None:
        """Append each value to the file of its window."""
        folder = tempfile.mkdtemp(prefix="turncoat-rows-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._folder = Path(folder)
        for cells, genes, values in triples:
            try:
                self._append(cells, genes, values)
            except OSError as error:
                need = int(self._indptr[-1]) * self._record.itemsize / 2**30
                raise OutputError(
                    f"Values that are not stored row by row need {need:.2f} GiB of temporary space "
                    f"in {tempfile.gettempdir()}: {error}. Free it, or set TMPDIR to a larger disk."
                ) from error

    def _append(self, cells: IntArray, genes: IntArray, values: FloatArray) -> None:
        window = np.searchsorted(self._starts, cells, side="right") - 1
        # Few windows: on small integers NumPy sorts by counting.
        order = np.argsort(window.astype(np.uint16), kind="stable")
        records = np.empty(cells.size, dtype=self._record)
        records["cell"], records["gene"] = cells[order], genes[order]
        records["value"] = values[order]
        bounds = np.searchsorted(window[order], np.arange(self._starts.size + 1))
        for number in np.flatnonzero(np.diff(bounds)).tolist():
            with self._file(number).open("ab") as stream:
                records[bounds[number] : bounds[number + 1]].tofile(stream)

    def _dealt(self, number: int) -> Iterator[Triple]:
        path = self._file(number)
        if not path.exists():
            return
        with path.open("rb") as stream:
            while True:
                records = np.fromfile(stream, dtype=self._record, count=RECORDS_PER_READ)
                if not records.size:
                    return
                yield records["cell"], records["gene"], records["value"]

    def _file(self, number: int) -> Path:
        return (self._folder or Path()) / str(number)

    @property
    def _record(self) -> "np.dtype[Any]":
        return np.dtype([("cell", np.int32), ("gene", np.int32), ("value", self._dtype)])


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
