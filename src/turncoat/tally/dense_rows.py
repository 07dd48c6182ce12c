"""Rows of a dense matrix on disk, decoded and packed by many threads at once."""

from collections.abc import Callable

import numpy as np

from turncoat.study import Block
from turncoat.study.sources.bands import Bands, SlicedBands
from turncoat.study.sources.kernels import keep_stored
from turncoat.tables import IntArray
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock, Packer, value_type

Job = Callable[[], None]

#: Entries, zeros included, whose stored values are packed at a time.
ENTRIES_PER_BITE = 2**18
#: A block may have so many times the entries that its values, as dense as those before, promise:
#: the room for them is only touched as far as there are values.
MOST_ROOM = 4


class DenseReader:
    """Blocks of whole bands of a dense matrix; what is zero is passed over."""

    def __init__(
        self,
        bands: Bands | SlicedBands,
        packer: Packer,
        start: int,
        stop: int,
        *,
        values_per_block: int,
    ) -> None:
        self.bands, self.packer = bands, packer
        self._row, self._stop, self._values_per_block = start, stop, values_per_block
        # Share of the entries that is stored, as far as is known.
        self._density = 1.0

    def begin(self) -> tuple[list[Job], Callable[[], PackedBlock | None]] | None:
        """Give the jobs that read the next block, and what to call for it when they are done."""
        first, height = self._row, self.bands.height
        if first >= self._stop:
            return None
        entries = self._values_per_block / max(self._density, 1 / MOST_ROOM)
        rows = int(entries) // max(1, self.bands.n_genes)
        last = max((first + rows) // height, first // height + 1) * height
        self._row = last = min(last, self._stop)
        filling = _Filling(self, first, last)
        return filling.jobs(), filling.take

    def note(self, block: PackedBlock) -> None:
        """Learn from a block how dense the matrix is."""
        n_values = int(block.ledger[:, units.LENGTH].sum())
        entries = max(1, block.n_cells * self.bands.n_genes)
        self._density = max(min(self._density, 1.5 * n_values / entries), n_values / entries)

    def pack(
        self, first: int, last: int, genes: IntArray, counts: IntArray, place: int, ledger: IntArray
    ) -> int:
        """Decode and pack rows of one band; gives the end, or -1 without enough room."""
        bands = self.bands
        number, dtype = first // bands.height, value_type(bands.dtype)
        top = number * bands.height
        height = min(bands.height, bands.n_cells - top)
        dense = np.empty((height, bands.n_genes), dtype=dtype)
        bands.read(number, dense)
        step = max(1, ENTRIES_PER_BITE // max(1, bands.n_genes))
        data = np.empty(step * bands.n_genes + 1, dtype=dtype)
        indices = np.empty(data.size, dtype=np.int32)
        for row in range(first, last, step):
            until = min(row + step, last)
            indptr = np.empty(until - row + 1, dtype=np.int64)
            keep_stored(dense[row - top : until - top], data, indices, indptr)
            n_values = int(indptr[-1])
            block = Block(row, data[:n_values], indices[:n_values], indptr)
            place = self.packer.pack(
                block, genes, counts, place, ledger[row - first : until - first]
            )
            if place < 0:
                return place
        return place


class _Filling:
    """One block while it is read: a job for each band."""

    def __init__(self, reader: DenseReader, first: int, last: int) -> None:
        self._reader, self._first, self._last = reader, first, last
        self._ledger: IntArray = np.zeros((last - first, units.N_LEDGER), dtype=np.int64)
        self._genes, self._counts = self._room(full=False)
        self._cramped = False

    def _room(self, *, full: bool) -> tuple[IntArray, IntArray]:
        entries = (self._last - self._first) * self._reader.bands.n_genes
        return self._reader.packer.room(entries, full=full)

    def jobs(self) -> list[Job]:
        """Give a job for each band, with its own part of the room."""
        height = self._reader.bands.height
        inner = range((self._first // height + 1) * height, self._last, height)
        edges = np.array([self._first, *inner, self._last])
        # Room by the number of rows, and a little for what a cell may need beyond its values.
        share = (edges - self._first) / (self._last - self._first)
        places = (share * self._genes.size).astype(np.int64).tolist()
        cuts = edges.tolist()
        return [
            self._job(cuts[k], cuts[k + 1], places[k], places[k + 1]) for k in range(len(cuts) - 1)
        ]

    def _job(self, first: int, last: int, begin: int, end: int) -> Job:
        def read() -> None:
            ledger = self._ledger[first - self._first : last - self._first]
            genes, counts = self._genes[:end], self._counts[:end]
            if self._reader.pack(first, last, genes, counts, begin, ledger) < 0:
                self._cramped = True

        return read

    def take(self) -> PackedBlock:
        """Give the block; when large counts took more room than usual, it is read again."""
        if self._cramped:
            self._genes, self._counts = self._room(full=True)
            for job in self.jobs():
                job()
        block = PackedBlock(self._first, self._genes, self._counts, self._ledger)
        self._reader.note(block)
        return block
