"""Sums per row and gene in a bounded piece of memory, exact whatever is put out to disk."""

import mmap
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from turncoat.errors import OutputError
from turncoat.tables import IntArray
from turncoat.tally.kernels.units import COUNT_MASK, N_SUMS, ONE_DETECTED

#: Bytes of one gene of one row while it is counted.
BYTES_PER_ENTRY = 8 * N_SUMS

#: The four sums of a gene once they are unpacked: counts, detections, logs, squared logs.
N_PARTS = 4

#: Memory is given back in pieces of this many bytes.
GIVE_BACK = 2**21

#: Cells that a row may take before it is put out, so that no packed number can overflow.
CELLS_PER_FILL = 2**22


def _private_memory(n_bytes: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, max(1, n_bytes))
    memory = mmap.mmap(-1, max(1, n_bytes), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


@dataclass(frozen=True, slots=True)
class SparseRow:
    """The genes of a row that have any count, and their four sums."""

    row: int
    genes: IntArray
    sums: IntArray

    @classmethod
    def of(cls, row: int, whole: IntArray) -> "SparseRow":
        """Keep what is not zero of ``whole``, shape ``(n_genes, 4)``."""
        genes = np.flatnonzero(whole[:, 1]).astype(np.int32)
        return cls(row, genes, whole[genes])


def unpack(packed: IntArray) -> IntArray:
    """Take packed sums, shape ``(n_genes, 3)``, apart into ``(n_genes, 4)``."""
    whole = np.empty((packed.shape[0], N_PARTS), dtype=np.int64)
    np.bitwise_and(packed[:, 0], COUNT_MASK, out=whole[:, 0])
    np.right_shift(packed[:, 0], 40, out=whole[:, 1])
    whole[:, 2:] = packed[:, 1:]
    return whole


class RowSums:
    """Whole-number sums of many rows, of which ``max_slots`` at a time are dense in memory.

    A row that was not used for longest is put out to a temporary file when room is needed, and
    begins again at zero: whole numbers add up to the same in any order.

    Parameters
    ----------
    n_rows, n_genes
        Shape of the tally.
    max_slots
        Rows in memory at most (24 bytes a gene).
    folder
        Where rows are put out; the system's place for temporary files by default.
    """

    def __init__(
        self, n_rows: int, n_genes: int, *, max_slots: int | None = None, folder: Path | None = None
    ) -> None:
        self.n_rows, self.n_genes = n_rows, n_genes
        self.n_slots = max(1, min(n_rows, n_rows if max_slots is None else max_slots))
        self._folder = folder
        # Pages of a private map cost nothing until a row uses them, and can be given back.
        shape = (self.n_slots, n_genes + 1, N_SUMS)
        size = self.n_slots * (n_genes + 1) * N_SUMS
        self._memory = _private_memory(size * 8)
        #: Packed sums; the last gene is the dustbin of columns that the tally leaves out.
        self.dense: IntArray = np.frombuffer(self._memory, np.int64, size).reshape(shape)
        self._slot_of = np.full(n_rows, -1, dtype=np.int64)
        self._row_in = np.full(self.n_slots, -1, dtype=np.int64)
        self._used = np.zeros(self.n_slots, dtype=np.int64)
        # What a place may hold by now, at most: counts of one gene, and cells.
        self._filled = np.zeros((self.n_slots, 2), dtype=np.int64)
        self._clock = 0
        self._spill: BinaryIO | None = None
        self._runs: dict[int, list[tuple[int, int]]] = {}

    def slots(self, rows: IntArray, counts: IntArray, cells: IntArray) -> IntArray:
        """Give each of some distinct rows a place in ``dense``; at most ``n_slots`` rows.

        ``counts`` and ``cells`` bound what is about to be added: the counts of any one gene
        (at most :data:`COUNT_MASK`), and the cells (at most :data:`CELLS_PER_FILL`).
        """
        self._clock += 1
        held = self._slot_of[rows]
        self._used[held[held >= 0]] = self._clock
        missing = rows[held < 0]
        if missing.size:
            # Free places first (never used: clock 0), then those not used for longest.
            places = np.argsort(self._used, kind="stable")[: missing.size]
            for row, place in zip(missing.tolist(), places.tolist(), strict=True):
                self._put_out(place)
                self._slot_of[row], self._row_in[place] = place, row
            self._used[places] = self._clock
        places = self._slot_of[rows]
        added = np.stack([counts, cells], axis=1)
        full = ((self._filled[places] + added) > (COUNT_MASK, CELLS_PER_FILL)).any(axis=1)
        for place in places[full].tolist():
            self._put_out(place, keep=True)
        self._filled[places] += added
        return places

    def _put_out(self, place: int, *, keep: bool = False) -> None:
        row = int(self._row_in[place])
        if row < 0:
            return
        self.write_out(SparseRow.of(row, unpack(self.dense[place, :-1])))
        self.dense[place] = 0
        self._filled[place] = 0
        if not keep:
            self._slot_of[row] = -1

    def write_out(self, part: SparseRow) -> None:
        """Put a part of a row on disk, to be added in the end."""
        if not part.genes.size:
            return
        try:
            if self._spill is None:
                # Held as long as the sums are; the system removes it when it is closed.
                self._spill = tempfile.TemporaryFile(  # noqa: SIM115
                    prefix="turncoat-rows-", dir=self._folder
                )
                weakref.finalize(self, self._spill.close)
            begin = self._spill.seek(0, 2)
            self._spill.write(np.ascontiguousarray(part.genes).data)
            self._spill.write(np.ascontiguousarray(part.sums).data)
            self._spill.flush()
        except OSError as error:
            place = self._folder or tempfile.gettempdir()
            raise OutputError(
                f"Sums that do not fit in memory cannot be put in {place}: {error}. Free space "
                "there, set TMPDIR to a larger disk, or raise memory_limit."
            ) from error
        self._runs.setdefault(part.row, []).append((begin, part.genes.size))

    def renumber(self, kept: IntArray) -> None:
        """Keep some rows, in a new order; the others must be empty.

        Parameters
        ----------
        kept
            Old number of each row, shape ``(n_new_rows,)``.
        """
        new = np.full(self.n_rows, -1, dtype=np.int64)
        new[kept] = np.arange(kept.size)
        self._slot_of = self._slot_of[kept]
        held = self._row_in >= 0
        self._row_in[held] = new[self._row_in[held]]
        self._runs = {int(new[row]): runs for row, runs in self._runs.items()}
        self.n_rows = int(kept.size)

    def _read_run(self, begin: int, size: int) -> tuple[IntArray, IntArray]:
        if self._spill is None:
            raise OutputError("Sums put out to disk are gone. Start the tally again.")
        self._spill.seek(begin)
        genes = np.frombuffer(self._spill.read(4 * size), dtype=np.int32)
        sums = np.frombuffer(self._spill.read(8 * N_PARTS * size), dtype=np.int64)
        return genes, sums.reshape(size, N_PARTS)

    def row(self, row: int) -> IntArray:
        """Sum up one row, shape ``(n_genes, 4)``: what is in memory and what was put out."""
        slot = int(self._slot_of[row])
        if slot >= 0:
            total = unpack(self.dense[slot, :-1])
        else:
            total = np.zeros((self.n_genes, N_PARTS), dtype=np.int64)
        for begin, size in self._runs.get(row, []):
            genes, sums = self._read_run(begin, size)
            total[genes] += sums
        return total

    def parts(self) -> Iterator[SparseRow]:
        """Every row that has any count, summed up, in the order of rows."""
        for row in range(self.n_rows):
            if self._slot_of[row] >= 0 or row in self._runs:
                yield SparseRow.of(row, self.row(row))

    def add(self, part: SparseRow) -> None:
        """Add a part of a row."""
        most = part.sums[:, :2].max(axis=0, initial=0)
        if most[0] > COUNT_MASK or most[1] > CELLS_PER_FILL:
            self.write_out(part)
            return
        place = self.slots(np.array([part.row]), most[:1], most[1:])[0]
        packed = self.dense[place]
        packed[part.genes, 0] += part.sums[:, 0] + part.sums[:, 1] * ONE_DETECTED
        packed[part.genes, 1:] += part.sums[:, 2:]

    def drain(self) -> Iterator[tuple[int, IntArray, IntArray | None]]:
        """Give every row once, in any order, and give its memory back to the system.

        Yields
        ------
        tuple
            Number of the row; its packed sums where they are all in memory, shape
            ``(n_genes + 1, 3)``; where some were put out, its sums instead, shape ``(n_genes, 4)``.
        """
        size = (self.n_genes + 1) * BYTES_PER_ENTRY
        given_back = 0
        for place, row in enumerate(self._row_in.tolist()):
            if row < 0 or self._slot_of[row] != place:
                continue
            yield row, self.dense[place], self.row(row) if row in self._runs else None
            self._slot_of[row] = -1
            self._runs.pop(row, None)
            done = (place + 1) * size // GIVE_BACK * GIVE_BACK
            if hasattr(mmap, "MADV_DONTNEED") and done > given_back:
                self._memory.madvise(mmap.MADV_DONTNEED, given_back, done - given_back)
                given_back = done
        for row in sorted(self._runs):
            yield row, self.dense[0], self.row(row)

    @property
    def n_put_out(self) -> int:
        """How many times a row had to be put out to disk."""
        return sum(len(runs) for runs in self._runs.values())
