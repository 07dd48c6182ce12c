"""Cells held back in a pass, packed: those whose name hangs on cells that are yet to come.

They are kept in memory up to a size, and in a temporary file beyond it: a tumour atlas has more
epithelial cells than memory has room for, and all of its are in the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from turncoat.tables import BoolArray, FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.put_by import PutBy

#: Bytes that are held in memory; more go to a file.
IN_MEMORY: Final = 2**27
#: Cells that are laid out at once: some MiB.
CELLS_PER_WRITE: Final = 1024


class HeldCells:
    """Packed cells kept by number: candidates, and the first of a queue of reference cells.

    Parameters
    ----------
    order
        Place of every cell in the queue, shape ``(n_cells,)``.
    most_reference
        How many of the queue are wanted.
    in_memory
        Bytes after which cells go to a temporary file.
    path
        A file to put all of them in, so that another process can go on from it.
    """

    def __init__(
        self,
        order: FloatArray,
        most_reference: int,
        *,
        in_memory: int = IN_MEMORY,
        path: Path | None = None,
    ) -> None:
        self._order, self._most_reference = order, most_reference
        self._put_by = PutBy(in_memory, path)
        self._width: np.dtype[Any] = np.dtype(np.uint16)
        # Of each cell: number, where its values are, its line of the ledger, whether a candidate.
        self._numbers: list[IntArray] = []
        self._places: list[IntArray] = []
        self._lines: list[IntArray] = []
        self._waiting: list[BoolArray] = []
        self._queue: FloatArray = np.empty(0)
        self._last = np.inf
        self._index: _Index | None = None

    @property
    def candidates(self) -> IntArray:
        """Numbers of the candidates that were held back, ascending."""
        own = [n[c] for n, c in zip(self._numbers, self._waiting, strict=True)]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *own]))

    @property
    def n_reference(self) -> int:
        """How many cells of the queue are held."""
        return int(sum((~waiting).sum() for waiting in self._waiting))

    def hold(
        self, block: PackedBlock, before: int, candidate: BoolArray, other: BoolArray
    ) -> IntArray:
        """Keep what is wanted of a block; gives the candidates of it, which are held back.

        Parameters
        ----------
        block
            The cells.
        before
            Number, over all sources, of the first.
        candidate, other
            Which cells are what, shape ``(n_cells,)``.
        """
        place_in_queue = self._order[before : before + other.size]
        near = np.flatnonzero(other & (place_in_queue < self._last))
        # First the queue moves up, then what is left of the block is put by.
        self._sift(place_in_queue[near])
        wanted = candidate.copy()
        wanted[near[place_in_queue[near] <= self._last]] = True
        cells = np.flatnonzero(wanted)
        if cells.size:
            self._write(block, before, cells, candidate[cells])
        return np.flatnonzero(candidate)

    def _write(self, block: PackedBlock, before: int, cells: IntArray, waiting: BoolArray) -> None:
        lines = block.ledger[cells]
        width = block.genes.dtype
        self._width = width
        sizes = (lines[:, units.END] - lines[:, units.BEGIN]) * (width.itemsize + 1)
        ends = np.cumsum(sizes)
        places = ends - sizes
        for some in range(0, cells.size, CELLS_PER_WRITE):
            own = slice(some, some + CELLS_PER_WRITE)
            laid = np.empty(int(sizes[own].sum()), dtype=np.uint8)
            kernels.lay_out_cells(
                block.genes.view(np.uint8), block.counts, width.itemsize, block.ledger,
                cells[own], laid,
            )  # fmt: skip
            places[own] += self._put_by.put(laid) - places[some]
        self._numbers.append(before + cells)
        self._places.append(places)
        self._lines.append(lines)
        self._waiting.append(waiting)
        self._index = None

    def _sift(self, places: FloatArray) -> None:
        """Move up the end of the queue: what is behind it is not wanted any more."""
        self._queue = np.append(self._queue, places)
        if self._queue.size > self._most_reference:
            front = np.partition(self._queue, self._most_reference - 1)
            self._queue = front[: self._most_reference]
            self._last = float(self._queue[-1])

    def state(self) -> dict[str, Any]:
        """Write the cells out to the file, and give what tells where they are in it."""
        self._put_by.write_out()
        return {
            "numbers": np.concatenate([np.empty(0, dtype=np.int64), *self._numbers]),
            "places": np.concatenate([np.empty(0, dtype=np.int64), *self._places]),
            "lines": np.concatenate([np.empty((0, units.N_LEDGER), np.int64), *self._lines]),
            "waiting": np.concatenate([np.empty(0, dtype=bool), *self._waiting]),
            "width": np.array(self._width.itemsize),
        }

    def take_up(self, state: Mapping[str, Any]) -> bool:
        """Go on from what :meth:`state` gave; False where the file does not hold it."""
        lines, width = state["lines"], int(state["width"])
        ends = state["places"] + (lines[:, units.END] - lines[:, units.BEGIN]) * (width + 1)
        if not self._put_by.go_on(int(ends.max(initial=0))):
            return False
        self._numbers, self._places = [state["numbers"]], [state["places"]]
        self._lines, self._waiting = [lines], [state["waiting"]]
        self._width, self._index = np.dtype(f"u{width}"), None
        return True

    def forget(self, before: IntArray, ends: IntArray) -> None:
        """Forget the cells of each source from some number on.

        Parameters
        ----------
        before
            Number of the first cell of each source, and of all cells.
        ends
            Number after the last cell of each source that is kept.
        """
        numbers = np.concatenate([np.empty(0, dtype=np.int64), *self._numbers])
        source = np.searchsorted(before, numbers, side="right") - 1
        kept = numbers < ends[source]
        parts: list[list[Any]] = [self._numbers, self._places, self._lines, self._waiting]
        for own in parts:
            own[:] = [np.concatenate(own)[kept]] if own else []
        # What is behind the queue's end was not kept, and the queue itself is made anew.
        waiting = self._waiting[0] if self._waiting else np.empty(0, dtype=bool)
        self._queue, self._last = np.empty(0), np.inf
        self._sift(self._order[numbers[kept][~waiting]])
        self._index = None
        if not kept.any():
            self._put_by.clear()

    def block(self, numbers: IntArray) -> PackedBlock:
        """Put held cells together, in the order of ``numbers``."""
        if self._index is None:
            self._index = _Index.of(self._numbers, self._places, self._lines)
        known = self._index
        at = np.searchsorted(known.numbers, numbers)
        ledger, places = known.lines[at], known.places[at]
        sizes = ledger[:, units.END] - ledger[:, units.BEGIN]
        ledger[:, units.END] = np.cumsum(sizes)
        ledger[:, units.BEGIN] = ledger[:, units.END] - sizes
        genes = np.empty(int(sizes.sum()), dtype=self._width)
        counts = np.empty(genes.size, dtype=np.uint8)
        width = self._width.itemsize
        for laid, which, begins in self._put_by.fetch(places, sizes * (width + 1)):
            kernels.take_apart_cells(
                laid, begins, which, ledger, genes.view(np.uint8), counts, width
            )
        return PackedBlock(0, genes, counts, ledger)


@dataclass(frozen=True, slots=True)
class _Index:
    """Where the held cells are, in the order of their numbers: made once, asked often."""

    numbers: IntArray
    places: IntArray
    lines: IntArray

    @classmethod
    def of(
        cls, numbers: Sequence[IntArray], places: Sequence[IntArray], lines: Sequence[IntArray]
    ) -> "_Index":
        nobody = np.empty(0, dtype=np.int64)
        known = np.concatenate([nobody, *numbers])
        order = np.argsort(known, kind="stable")
        ledger = np.concatenate([np.empty((0, units.N_LEDGER), np.int64), *lines])
        return cls(known[order], np.concatenate([nobody, *places])[order], ledger[order])


def log_cells(block: PackedBlock, n_genes: int, target_sum: float) -> sp.csr_matrix:
    """Give packed cells log-normalised, shape ``(n_cells, n_genes)``, without the dustbin.

    Parameters
    ----------
    block
        The cells.
    n_genes
        Genes; the number after the last is the dustbin.
    target_sum
        Counts per cell after normalisation.
    """
    # One more than there are values: where the last one is written and not kept.
    size = int(block.ledger[:, units.LENGTH].sum()) + 1
    data, indices = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.int32)
    indptr = np.zeros(block.n_cells + 1, dtype=np.int64)
    logs = np.empty(units.TABLE_SIZE, dtype=np.float32)
    kernels.log_cells(
        block.genes, block.counts, block.ledger, n_genes, target_sum, data, indices, indptr, logs
    )
    end = int(indptr[-1])
    # SciPy wants both of one kind, and the smaller where it does.
    pointers = indptr.astype(np.int32) if end < 2**31 else indptr
    return sp.csr_matrix((data[:end], indices[:end], pointers), (block.n_cells, n_genes))
