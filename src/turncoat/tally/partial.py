"""A tally on its way: addable, and written so that a killed run goes on from it."""

import json
import os
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from turncoat.errors import FileFormatError, OutputError, TableError
from turncoat.tables import IntArray
from turncoat.tally.kernels import N_MEASURES, N_SUMS
from turncoat.tally.sums import RowSums, SparseRow

MAGIC = b"turncoat partial tally 1\n"
END = b"end of partial tally\n"


@dataclass(slots=True)
class PartialTally:
    """Sums over the cells counted so far.

    Parameters
    ----------
    sums
        Counts, detections, logs and squared logs of rows × genes, as whole numbers.
    n_cells
        Cells counted per row, shape ``(n_rows,)``.
    squares
        Squared raw counts per gene, shape ``(n_genes,)``.
    measures
        Per source and cell: library size, genes detected, mitochondrial counts.
    position
        How far each source was counted: cells before this are in the sums.
    """

    sums: RowSums
    n_cells: IntArray
    squares: IntArray
    measures: tuple[IntArray, ...]
    position: IntArray

    @classmethod
    def empty(
        cls,
        n_rows: int,
        n_genes: int,
        n_cells: Sequence[int],
        *,
        max_slots: int | None = None,
        folder: Path | None = None,
    ) -> "PartialTally":
        """Begin with nothing counted, for sources of so many cells."""
        return cls(
            sums=RowSums(n_rows, n_genes, max_slots=max_slots, folder=folder),
            n_cells=np.zeros(n_rows, dtype=np.int64),
            squares=np.zeros(n_genes, dtype=np.int64),
            measures=tuple(np.zeros((n, N_MEASURES), dtype=np.int64) for n in n_cells),
            position=np.zeros(len(n_cells), dtype=np.int64),
        )

    def merge(self, other: "PartialTally") -> None:
        """Add another part of the same plan; the two must not share cells.

        Raises
        ------
        TableError
            When the parts have different shapes.
        """
        mine = (self.sums.n_rows, self.sums.n_genes, [m.shape for m in self.measures])
        theirs = (other.sums.n_rows, other.sums.n_genes, [m.shape for m in other.measures])
        if mine != theirs:
            raise TableError(
                f"Partial tallies add up only within one plan (rows, genes, cells): {mine} and "
                f"{theirs} differ. Merge finished tallies instead."
            )
        for part in other.sums.parts():
            self.sums.add(part)
        self.n_cells += other.n_cells
        self.squares += other.squares
        for measured, added in zip(self.measures, other.measures, strict=True):
            measured += added
        np.maximum(self.position, other.position, out=self.position)

    def save(self, path: Path, *, fingerprint: str) -> None:
        """Write to ``path`` so that it is there whole or not at all.

        Raises
        ------
        OutputError
            When there is no room; what was there before is kept.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.name + ".", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                self._write(stream, fingerprint)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise OutputError(
                f"The partial tally cannot be written to {path.parent}: {error}. Nothing counted "
                f"so far is lost from {path.name if path.exists() else 'the input'}: free about "
                f"{self._size() / 2**20:.0f} MiB there and run again to go on."
            ) from error

    def _size(self) -> int:
        measured = sum(m.nbytes for m in self.measures)
        return measured + int((self.sums.dense[:, :, 1] > 0).sum()) * (4 + 8 * N_SUMS)

    def _write(self, stream: BinaryIO, fingerprint: str) -> None:
        header: dict[str, Any] = {
            "fingerprint": fingerprint,
            "n_rows": self.sums.n_rows,
            "n_genes": self.sums.n_genes,
            "sources": [int(m.shape[0]) for m in self.measures],
        }
        text = json.dumps(header).encode()
        stream.write(MAGIC + struct.pack("<q", len(text)) + text)
        whole = (self.n_cells, self.squares, self.position)
        stream.writelines(array.tobytes() for array in whole)
        done = zip(self.measures, self.position.tolist(), strict=True)
        stream.writelines(np.ascontiguousarray(measured[:n]).data for measured, n in done)
        for part in self.sums.parts():
            stream.write(struct.pack("<qq", part.row, part.genes.size))
            stream.write(part.genes.tobytes())
            stream.write(part.sums.tobytes())
        stream.write(struct.pack("<qq", -1, 0) + END)

    def load(self, path: Path, *, fingerprint: str) -> bool:
        """Add what :meth:`save` wrote of the same plan and input.

        Returns
        -------
        bool
            False, with nothing added, when it was written for another plan or input.

        Raises
        ------
        FileFormatError
            When the file is damaged.
        """
        with path.open("rb") as stream:
            if _exactly(stream, len(MAGIC), path) != MAGIC:
                raise _damaged(path)
            (length,) = struct.unpack("<q", _exactly(stream, 8, path))
            header = json.loads(_exactly(stream, length, path))
            if header["fingerprint"] != fingerprint:
                return False
            for array in (self.n_cells, self.squares, self.position):
                array += np.frombuffer(_exactly(stream, array.nbytes, path), dtype=np.int64)
            for measured, done in zip(self.measures, self.position.tolist(), strict=True):
                raw = _exactly(stream, 8 * N_MEASURES * done, path)
                measured[:done] = np.frombuffer(raw, dtype=np.int64).reshape(done, N_MEASURES)
            self._read_rows(stream, path)
        return True

    def _read_rows(self, stream: BinaryIO, path: Path) -> None:
        while True:
            row, size = struct.unpack("<qq", _exactly(stream, 16, path))
            if row < 0:
                break
            genes = np.frombuffer(_exactly(stream, 4 * size, path), dtype=np.int32)
            sums = np.frombuffer(_exactly(stream, 8 * N_SUMS * size, path), dtype=np.int64)
            self.sums.add(SparseRow(row, genes, sums.reshape(size, N_SUMS)))
        if stream.read() != END:
            raise _damaged(path)


def _exactly(stream: BinaryIO, size: int, path: Path) -> bytes:
    raw = stream.read(size)
    if len(raw) != size:
        raise _damaged(path)
    return raw


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(
        f"{path} is no whole partial tally of this version. Delete it to start the tally again."
    )
