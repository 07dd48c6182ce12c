"""Sums per row and gene in a bounded piece of memory, exact whatever is put out to disk."""

import mmap
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from turncoat.errors import OutputError
from turncoat.tables import IntArray
from turncoat.tally.kernels import N_SUMS

#: Bytes of one gene of one row.
BYTES_PER_ENTRY = 8 * N_SUMS


@dataclass(frozen=True, slots=True)
class SparseRow:
    """The genes of a row that have any count, and their four sums."""

    row: int
    genes: IntArray
    sums: IntArray

    @classmethod
    def of(cls, row: int, dense: IntArray) -> "SparseRow":
        """Keep what is not zero of ``dense``, shape ``(n_genes, 4)``."""
        genes = np.flatnonzero(dense[:, 1]).astype(np.int32)
        return cls(row, genes, dense[genes])

    @property
    def n_bytes(self) -> int:
        """Size on disk."""
        return int(self.genes.nbytes + self.sums.nbytes)


class RowSums:
    """Whole-number sums of many rows, of which ``max_slots`` at a time are dense in memory.

    A row that was not used for longest is put out to a temporary file when room is needed, and
    begins again at zero: whole numbers add up to the same in any order.

    Parameters
    ----------
    n_rows, n_genes
        Shape of the tally.
    max_slots
        Rows in memory at most (32 bytes a gene).
    folder
        Where rows are put out; the system's place for temporary files by default.
    """

    def __init__(
        self, n_rows: int, n_genes: int, *, max_slots: int | None = None, folder: Path | None = None
    ) -> None:
        self.n_rows, self.n_genes = n_rows, n_genes
        self.n_slots = max(1, min(n_rows, n_rows if max_slots is None else max_slots))
        self._folder = folder
        # Pages of an anonymous map cost nothing until a row uses them, and can be given back.
        self._memory = mmap.mmap(-1, max(1, self.n_slots * n_genes * BYTES_PER_ENTRY))
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self._memory.madvise(mmap.MADV_HUGEPAGE)
        size = self.n_slots * n_genes * N_SUMS
        self.dense: IntArray = np.frombuffer(self._memory, dtype=np.int64, count=size).reshape(
            self.n_slots, n_genes, N_SUMS
        )
        self._slot_of = np.full(n_rows, -1, dtype=np.int64)
        self._row_in = np.full(self.n_slots, -1, dtype=np.int64)
        self._used = np.zeros(self.n_slots, dtype=np.int64)
        self._clock = 0
        self._spill: BinaryIO | None = None
        self._runs: dict[int, list[tuple[int, int]]] = {}

    def slots(self, rows: IntArray) -> IntArray:
        """Give each of some distinct rows a place in ``dense``; at most ``n_slots`` rows."""
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
                self._used[place] = self._clock
        return self._slot_of[rows]

    def _put_out(self, place: int) -> None:
        row = int(self._row_in[place])
        if row < 0:
            return
        self.write_out(SparseRow.of(row, self.dense[place]))
        self.dense[place] = 0
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

    def _read_run(self, begin: int, size: int) -> tuple[IntArray, IntArray]:
        if self._spill is None:
            raise OutputError("Sums put out to disk are gone. Start the tally again.")
        self._spill.seek(begin)
        genes = np.frombuffer(self._spill.read(4 * size), dtype=np.int32)
        sums = np.frombuffer(self._spill.read(BYTES_PER_ENTRY * size), dtype=np.int64)
        return genes, sums.reshape(size, N_SUMS)

    def row(self, row: int) -> IntArray:
        """Sum up one row, shape ``(n_genes, 4)``: what is in memory and what was put out."""
        slot = int(self._slot_of[row])
        total = self.dense[slot].copy() if slot >= 0 else np.zeros((self.n_genes, N_SUMS), np.int64)
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
        slot = int(self.slots(np.array([part.row]))[0])
        self.dense[slot][part.genes] += part.sums

    def forget(self, row: int) -> None:
        """Give a row's memory back to the system, once it was read for the last time."""
        slot = int(self._slot_of[row])
        if slot < 0:
            return
        if hasattr(mmap, "MADV_DONTNEED"):
            size = self.n_genes * BYTES_PER_ENTRY
            page = mmap.PAGESIZE
            begin, end = -(-slot * size // page) * page, (slot + 1) * size // page * page
            if end > begin:
                self._memory.madvise(mmap.MADV_DONTNEED, begin, end - begin)
        self._slot_of[row] = -1

    @property
    def n_put_out(self) -> int:
        """How many times a row had to be put out to disk."""
        return sum(len(runs) for runs in self._runs.values())
