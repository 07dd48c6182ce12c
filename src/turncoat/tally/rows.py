"""Rows of a stored CSR matrix, decoded and packed by many threads at once.

Each job decodes a bite of a few chunks, small enough to stay in the second cache, packs the
cells in it, and goes on: the values never reach main memory before they are three bytes each.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from turncoat.study import Block
from turncoat.study.sources.fast_arrays import Window, fast_array
from turncoat.study.sources.matrix import CsrMatrix
from turncoat.tables import IntArray
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock, Packer, value_type

Job = Callable[[], None]

#: Values decoded at a time: with their genes, a megabyte.
VALUES_PER_BITE = 2**17

#: Values a job decodes at least: chunks on the border of two jobs are decoded twice.
VALUES_PER_JOB = 2**21

#: Jobs per thread in a block, so that threads finish at about the same time.
JOBS_PER_THREAD = 2

#: Cells in a block at most, however empty they are.
CELLS_PER_BLOCK = 2**18


class RowsReader:
    """Blocks of rows whose numbers of values are known, at most so many values each."""

    def __init__(
        self,
        pointers: IntArray,
        packer: Packer,
        start: int,
        stop: int,
        *,
        values_per_block: int,
        n_threads: int,
    ) -> None:
        self._pointers, self._row, self._stop = pointers, start, stop
        self._packer = packer
        # Set once a block had so many large counts that the usual room was not enough.
        self.many_large = False
        self._values_per_block, self._n_threads = values_per_block, n_threads

    def begin(self) -> tuple[list[Job], Callable[[], PackedBlock | None]] | None:
        """Give the jobs that read the next block, and what to call for it when they are done."""
        first = self._row
        if first >= self._stop:
            return None
        last = min(self._rows(first, self._values_per_block), first + CELLS_PER_BLOCK)
        self._row = last
        filling = _Filling(self, first, last)
        return filling.jobs(), filling.take

    def _rows(self, first: int, n_values: int) -> int:
        """Find the row at which so many values end, at least one row on."""
        end = int(self._pointers[first]) + n_values
        last = int(np.searchsorted(self._pointers, end, side="right")) - 1
        return min(max(last, first + 1), self._stop)

    def shares(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut rows into shares, one a job."""
        raise NotImplementedError

    def pack(
        self, first: int, last: int, genes: IntArray, counts: IntArray, place: int, ledger: IntArray
    ) -> int:
        """Decode and pack rows; gives the end, or -1 without enough room."""
        raise NotImplementedError

    def room_per_share(self, shares: list[tuple[int, int]], size: int) -> list[int]:
        """Divide room among shares by the values they hold."""
        edges = np.array([shares[0][0], *(last for _, last in shares)])
        values = self._pointers[edges] - self._pointers[edges[0]]
        spare = np.arange(edges.size)
        usable = size - spare.size
        parts: list[int] = (values * usable // max(int(values[-1]), 1) + spare).tolist()
        return parts

    def room(self, first: int, last: int) -> tuple[IntArray, IntArray]:
        """Make room for rows."""
        n_values = int(self._pointers[last] - self._pointers[first])
        return self._packer.room(n_values, full=self.many_large)


class CsrReader(RowsReader):
    """Blocks of rows of a stored CSR matrix."""

    def __init__(
        self,
        matrix: CsrMatrix,
        path: Path | None,
        packer: Packer,
        start: int,
        stop: int,
        *,
        values_per_block: int,
        n_threads: int,
    ) -> None:
        super().__init__(
            matrix.indptr,
            packer,
            start,
            stop,
            values_per_block=values_per_block,
            n_threads=n_threads,
        )
        where = matrix.where.rpartition(": ")[2]
        self._data = fast_array(matrix.data, path, f"{where}/data")
        self._indices = fast_array(matrix.indices, path, f"{where}/indices")

    def shares(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut rows into shares of like size, one a job."""
        n_values = int(self._pointers[last] - self._pointers[first])
        # What is decoded twice at the borders must stay little next to a share.
        largest = max(self._data.chunk, self._indices.chunk)
        least = max(VALUES_PER_JOB, 16 * largest)
        n_shares = max(1, min(self._n_threads * JOBS_PER_THREAD, n_values // least))
        aims = self._pointers[first] + n_values * np.arange(1, n_shares) // n_shares
        cuts = np.searchsorted(self._pointers[first : last + 1], aims) + first
        edges = np.unique([first, *cuts.tolist(), last]).tolist()
        return list(itertools.pairwise(edges))

    def pack(
        self, first: int, last: int, genes: IntArray, counts: IntArray, place: int, ledger: IntArray
    ) -> int:
        """Decode and pack rows; gives the end, or -1 without enough room."""
        data = Window(self._data, value_type(self._data.dtype))
        indices = Window(self._indices, np.dtype(np.int32))
        row = first
        while row < last:
            until = min(self._rows(row, VALUES_PER_BITE), last)
            begin, end = int(self._pointers[row]), int(self._pointers[until])
            block = Block(
                start=row,
                data=data.move(begin, end),
                indices=indices.move(begin, end),
                indptr=self._pointers[row : until + 1] - begin,
            )
            place = self._packer.pack(
                block, genes, counts, place, ledger[row - first : until - first]
            )
            if place < 0:
                return place
            row = until
        return place


class _Filling:
    """One block while it is read."""

    def __init__(self, reader: RowsReader, first: int, last: int) -> None:
        self._reader, self._first, self._last = reader, first, last
        self._ledger: IntArray = np.zeros((last - first, units.N_LEDGER), dtype=np.int64)
        self._shares = reader.shares(first, last)
        self._genes, self._counts = reader.room(first, last)
        self._cramped = False

    def jobs(self) -> list[Job]:
        """Give a job for each share of the rows, each with its own part of the room."""
        n_values = self._reader.room_per_share(self._shares, self._genes.size)
        return [
            self._job(first, last, begin, end)
            for (first, last), begin, end in zip(
                self._shares, n_values[:-1], n_values[1:], strict=True
            )
        ]

    def _job(self, first: int, last: int, begin: int, end: int) -> Job:
        def read() -> None:
            ledger = self._ledger[first - self._first : last - self._first]
            done = self._reader.pack(
                first, last, self._genes[:end], self._counts[:end], begin, ledger
            )
            if done < 0:
                self._cramped = True

        return read

    def take(self) -> PackedBlock:
        """Give the block; when large counts took more room than usual, it is read again."""
        if self._cramped:
            self._reader.many_large = True
            self._genes, self._counts = self._reader.room(self._first, self._last)
            for job in self.jobs():
                job()
        return PackedBlock(self._first, self._genes, self._counts, self._ledger)
