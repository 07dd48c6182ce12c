"""A tally on its way: addable, and written so that a killed run goes on from it."""

import json
import os
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from turncoat.errors import FileFormatError, OutputError, TableError
from turncoat.tables import IntArray
from turncoat.tally.sums import N_PARTS, RowSums, SparseRow

MAGIC = b"turncoat partial tally 2\n"
END = b"end of partial tally\n"

#: What is kept of each cell: library size, genes detected, mitochondrial counts.
N_MEASURES = 3


@dataclass(slots=True)
class Piece:
    """Consecutive cells of one source, counted up to some cell.

    Parameters
    ----------
    source
        Number of the source in its plan.
    first, stop
        Cells of the piece.
    done
        First cell that is not yet in the sums.
    measures
        Library size, genes detected, mitochondrial counts, shape ``(stop - first, 3)``.
    """

    source: int
    first: int
    stop: int
    done: int
    measures: IntArray

    @classmethod
    def ahead(cls, source: int, first: int, stop: int) -> "Piece":
        """Begin a piece of which nothing is counted."""
        return cls(source, first, stop, first, np.zeros((stop - first, N_MEASURES), np.int64))


@dataclass(slots=True)
class PartialTally:
    """Sums over the cells counted so far, and which cells those are.

    Parameters
    ----------
    sums
        Counts, detections, logs and squared logs of rows × genes, as whole numbers.
    n_cells
        Cells counted per row, shape ``(n_rows,)``.
    pieces
        What is to be counted, and how far it is.
    """

    sums: RowSums
    n_cells: IntArray
    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def empty(
        cls,
        n_rows: int,
        n_genes: int,
        spans: Sequence[tuple[int, int, int]] = (),
        *,
        max_slots: int | None = None,
        folder: Path | None = None,
    ) -> "PartialTally":
        """Begin with nothing counted of some spans (source, first, stop)."""
        sums = RowSums(n_rows, n_genes, max_slots=max_slots, folder=folder)
        return cls(sums, np.zeros(n_rows, dtype=np.int64), [Piece.ahead(*span) for span in spans])

    @property
    def n_done(self) -> int:
        """Cells passed so far, left-out ones included."""
        return sum(piece.done - piece.first for piece in self.pieces)

    def merge(self, other: "PartialTally") -> None:
        """Add another part of the same plan.

        Raises
        ------
        TableError
            When the parts have different shapes, or a cell is in both.
        """
        mine, theirs = ((s.n_rows, s.n_genes) for s in (self.sums, other.sums))
        if mine != theirs:
            raise TableError(
                f"Partial tallies add up only within one plan; rows × genes {mine} and {theirs} "
                "differ. Merge finished tallies instead."
            )
        for a in self.pieces:
            for b in other.pieces:
                if a.source == b.source and max(a.first, b.first) < min(a.done, b.done):
                    raise TableError(
                        f"Cells {max(a.first, b.first)} to {min(a.done, b.done)} of source "
                        f"{a.source} are in both partial tallies: they would count twice."
                    )
        for part in other.sums.parts():
            self.sums.add(part)
        self.n_cells += other.n_cells
        self.pieces.extend(other.pieces)

    def save(self, path: Path, *, fingerprint: str) -> None:
        """Write to ``path`` so that it is there whole or not at all.

        Raises
        ------
        OutputError
            When there is no room; what was there before is kept.
        """
        name = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            with os.fdopen(handle, "wb") as stream:
                self._write(stream, fingerprint)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except OSError as error:
            if name is not None:
                Path(name).unlink(missing_ok=True)
            kept = "what was written before is kept" if path.exists() else "nothing is lost"
            raise OutputError(
                f"The partial tally cannot be written to {path.parent}: {error}; {kept}. Free "
                f"about {self._size() / 2**20:.0f} MiB there and run again to go on."
            ) from error

    def _size(self) -> int:
        measured = sum(piece.measures.nbytes for piece in self.pieces)
        stored = int(np.count_nonzero(self.sums.dense[:, :, 0]))
        return measured + stored * (4 + 8 * N_PARTS) + 2**20

    def _write(self, stream: BinaryIO, fingerprint: str) -> None:
        header: dict[str, Any] = {
            "fingerprint": fingerprint,
            "pieces": [[p.source, p.first, p.stop, p.done] for p in self.pieces],
        }
        text = json.dumps(header).encode()
        stream.write(MAGIC + struct.pack("<q", len(text)) + text + self.n_cells.tobytes())
        stream.writelines(
            piece.measures[: piece.done - piece.first].tobytes() for piece in self.pieces
        )
        for part in self.sums.parts():
            stream.write(struct.pack("<qq", part.row, part.genes.size))
            stream.write(part.genes.tobytes())
            stream.write(part.sums.tobytes())
        stream.write(struct.pack("<qq", -1, 0) + END)

    def load(self, path: Path, *, fingerprint: str) -> bool:
        """Add what :meth:`save` wrote, in place of the pieces here.

        Returns
        -------
        bool
            False, with nothing changed, when it was written for another plan or input.

        Raises
        ------
        FileFormatError
            When the file is damaged.
        """
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise _damaged(path)
            (length,) = struct.unpack("<q", _exactly(stream, 8, path))
            header = json.loads(_exactly(stream, length, path))
            if header["fingerprint"] != fingerprint:
                return False
            self.n_cells += _numbers(stream, self.n_cells.size, path)
            self.pieces = []
            for source, first, stop, done in header["pieces"]:
                piece = Piece.ahead(source, first, stop)
                size = (done - first) * N_MEASURES
                read = _numbers(stream, size, path).reshape(done - first, N_MEASURES)
                piece.measures[: done - first], piece.done = read, done
                self.pieces.append(piece)
            self._read_rows(stream, path)
        return True

    def _read_rows(self, stream: BinaryIO, path: Path) -> None:
        while True:
            row, size = struct.unpack("<qq", _exactly(stream, 16, path))
            if row < 0:
                break
            genes = np.frombuffer(_exactly(stream, 4 * size, path), dtype=np.int32)
            sums = _numbers(stream, N_PARTS * size, path).reshape(size, N_PARTS)
            self.sums.add(SparseRow(row, genes, sums))
        if stream.read() != END:
            raise _damaged(path)


def _numbers(stream: BinaryIO, size: int, path: Path) -> IntArray:
    return np.frombuffer(_exactly(stream, 8 * size, path), dtype=np.int64)


def _exactly(stream: BinaryIO, size: int, path: Path) -> bytes:
    raw = stream.read(size)
    if len(raw) != size:
        raise _damaged(path)
    return raw


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(
        f"{path} is no whole partial tally of this version. Delete it to start the tally again."
    )
