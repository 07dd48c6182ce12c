"""Blocks of cells, checked and packed to three bytes a value by the threads that read them."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from turncoat.errors import CountsError, FileFormatError
from turncoat.study import Block, CellSource
from turncoat.study.counts import advice, describe_wrong
from turncoat.tables import FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.kernels import units

#: Genes up to this number take two bytes.
MOST_GENES_IN_TWO_BYTES = 2**16 - 1

#: Room for packed entries, per value: a little to spare for large counts, or for all of them.
USUAL_ROOM = 9 / 8
FULL_ROOM = 3.0

#: Blocks in memory: one being counted, one being read.
N_ROOMS = 2


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """Consecutive cells of one source, packed.

    Parameters
    ----------
    start
        Number of the first cell in its source.
    genes, counts
        Packed values (see :mod:`turncoat.tally.kernels.packing`).
    ledger
        A line per cell (see :mod:`turncoat.tally.kernels.units`).
    """

    start: int
    genes: IntArray
    counts: IntArray
    ledger: IntArray

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.ledger.shape[0])


class Packer:
    """Packs cells of one source with the compiled kernel.

    Parameters
    ----------
    source
        Where the cells come from, for messages.
    columns
        Gene of each column of the file, and what is known of it, as bits.
    n_genes
        Genes of the tally.
    """

    def __init__(self, source: CellSource, columns: IntArray, n_genes: int) -> None:
        self._source, self._columns, self._n_genes = source, columns, n_genes
        self._width = np.dtype(np.uint16 if n_genes <= MOST_GENES_IN_TWO_BYTES else np.uint32)
        self._own = threading.local()
        self._rooms = [(np.empty(0, self._width), np.empty(0, np.uint8)) for _ in range(N_ROOMS)]
        self._turn = 0

    def room(self, n_values: int, *, full: bool = False) -> tuple[IntArray, IntArray]:
        """Make room for the genes and counts of so many values.

        Rooms are used in turn: what is in one is valid until it is asked for twice more.
        """
        size = int(n_values * (FULL_ROOM if full else USUAL_ROOM)) + 1024
        self._turn = (self._turn + 1) % N_ROOMS
        if self._rooms[self._turn][1].size < size:
            # Blocks differ a little in size. What is never written to costs nothing; a new room
            # costs the system the clearing of all its memory.
            more = size + size // 16
            self._rooms[self._turn] = (np.empty(more, self._width), np.empty(more, np.uint8))
        genes, counts = self._rooms[self._turn]
        return genes[:size], counts[:size]

    def _scratch(self) -> IntArray:
        # One a thread; zeros before and after every call, unless a call has failed.
        if not hasattr(self._own, "scratch"):
            size = self._n_genes + 1 + self._columns.size
            self._own.scratch = np.zeros((2, size), dtype=np.int64)
        scratch: IntArray = self._own.scratch
        return scratch

    def pack(
        self,
        block: Block,
        genes: IntArray,
        counts: IntArray,
        place: int,
        ledger: IntArray,
    ) -> int:
        """Pack the cells of a block from ``place`` on; gives the end, or -1 without enough room.

        Raises
        ------
        CountsError, FileFormatError
            When a value is no count of a known gene: names source, cell and gene.
        """
        problem, cell, where = kernels.pack_cells(
            *kernel_arrays(block), self._columns, genes, counts, place, ledger, self._scratch()
        )
        if problem == units.NO_ROOM:
            return -1
        if problem:
            raise self._complaint(problem, block, int(cell), int(where))
        return int(where)

    def _complaint(
        self, problem: int, block: Block, cell: int, place: int
    ) -> CountsError | FileFormatError:
        if problem == units.OUT_OF_RANGE:
            return FileFormatError(
                f"{self._source.name}: cell {block.start + cell} has a value for gene number "
                f"{int(block.indices[place])}, but there are {self._columns.size} genes. "
                "The file is damaged or its shape is wrong: make it again."
            )
        return CountsError(describe_wrong(self._source, block, place) + advice(self._source))


def kernel_arrays(block: Block) -> tuple[FloatArray, IntArray, IntArray]:
    """Give a block the few types that kernels are compiled for, without losing a digit."""
    data: Any = block.data
    if data.dtype.kind not in "fiub":
        raise CountsError(f"The matrix holds {data.dtype}, expected numbers: give raw counts.")
    if data.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        data = data.astype(value_type(data.dtype))
    indices = block.indices
    if indices.dtype != np.dtype(np.int32):
        # An index beyond 2**31 must not wrap round into the matrix.
        indices = np.clip(indices, -1, 2**31 - 1).astype(np.int32)
    return (
        np.ascontiguousarray(data),
        np.ascontiguousarray(indices),
        np.ascontiguousarray(block.indptr, dtype=np.int64),
    )


def value_type(stored: "np.dtype[Any]") -> "np.dtype[Any]":
    """Tell which of the two types that are counted holds every value of the stored one."""
    small = stored.itemsize <= 2 or (stored.kind == "f" and stored.itemsize == 4)
    return np.dtype(np.float32 if small else np.float64)


class PlainReader:
    """Blocks of any source, read and packed by one thread at a time while others count."""

    def __init__(
        self, source: CellSource, packer: Packer, start: int, stop: int, *, rows_per_block: int
    ) -> None:
        self._packer = packer
        self._blocks: Iterator[Block] = source.blocks(rows_per_block, start=start, stop=stop)
        self._turn = threading.Lock()
        self._ready: deque[PackedBlock] = deque()
        self._exhausted = False

    def begin(self) -> tuple[list[Callable[[], None]], Callable[[], PackedBlock | None]] | None:
        """Give one job that reads the next block, whichever job comes first."""
        return None if self._exhausted else ([self._read], self._take)

    def _read(self) -> None:
        with self._turn:
            block = None if self._exhausted else next(self._blocks, None)
            if block is None:
                self._exhausted = True
                return
            ledger = np.zeros((block.n_cells, units.N_LEDGER), dtype=np.int64)
            genes, counts = self._packer.room(block.data.size)
            if self._packer.pack(block, genes, counts, 0, ledger) < 0:
                genes, counts = self._packer.room(block.data.size, full=True)
                self._packer.pack(block, genes, counts, 0, ledger)
            self._ready.append(PackedBlock(block.start, genes, counts, ledger))

    def _take(self) -> PackedBlock | None:
        return self._ready.popleft() if self._ready else None
