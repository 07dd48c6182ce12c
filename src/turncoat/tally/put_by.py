"""Bytes put by for later: in memory up to a size, in a file beyond it, all in the file when many."""

import os
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from turncoat.errors import OutputError
from turncoat.tables import BoolArray, IntArray

#: Where there are so many times as many bytes as memory holds, memory is given back: a large study
#: needs it for its tables, and does not notice the writing.
MOVE_OUT_AT: Final = 2
#: Bytes between two wanted stretches of the file that are read along rather than jumped over.
MOST_BETWEEN: Final = 2**13


class PutBy:
    """Pieces of bytes, each found again by its place.

    Parameters
    ----------
    in_memory
        Bytes after which pieces go to the file.
    path
        The file, so that another process can go on from it: then nothing is kept in memory. By
        default one that has no name and goes with the process.
    """

    def __init__(self, in_memory: int, path: Path | None = None) -> None:
        self._path = path
        # A place is one in the file, where what is in memory leaves a gap. Memory that nothing was
        # written to yet takes no room.
        self._size = 0 if path is not None else in_memory
        self._memory = np.empty(self._size, dtype=np.uint8)
        self._used = 0
        self._file: IO[bytes] | None = None
        # Threads that fetch share the place in the file.
        self._turn = threading.Lock()
        #: Place after the last piece.
        self.end = 0
        if path is not None:
            self._open()

    def put(self, piece: IntArray) -> int:
        """Put a piece by; gives its place."""
        if self.end == self._used and self._used + piece.size <= self._memory.size:
            self._memory[self._used : self._used + piece.size] = piece
            self._used += piece.size
            place, self.end = self.end, self._used
            return place
        place = max(self.end, self._size)
        self._write(place, piece)
        self.end = place + piece.size
        if self._used and self.end > MOVE_OUT_AT * self._size:
            self._write(0, self._memory[: self._used])
            self._memory, self._used = np.empty(0, dtype=np.uint8), 0
        return place

    def _write(self, place: int, piece: IntArray) -> None:
        try:
            file = self._open()
            file.seek(place)
            file.write(piece.data)
        except OSError as error:
            raise self._no_room(error) from error

    def fetch(self, places: IntArray, sizes: IntArray) -> list[tuple[IntArray, IntArray, IntArray]]:
        """Find pieces again.

        Parameters
        ----------
        places, sizes
            Where each begins, and its number of bytes.

        Returns
        -------
        list of tuple
            Up to two parts: bytes; which of the pieces are in them; where in them each begins.
        """
        inside = places < self._memory.size
        parts: list[tuple[IntArray, IntArray, IntArray]] = []
        if inside.any():
            parts.append((self._memory, np.flatnonzero(inside), places[inside]))
        if not inside.all():
            parts.append(self._read(places, sizes, ~inside))
        return parts

    def _read(
        self, places: IntArray, sizes: IntArray, wanted: BoolArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Read pieces from the file, neighbours at once."""
        which = np.flatnonzero(wanted)
        which = which[np.argsort(places[which], kind="stable")]
        first = places[which]
        last = first + sizes[which]
        apart = np.flatnonzero(first[1:] - last[:-1] > MOST_BETWEEN) + 1
        begins, ends = first[np.r_[0, apart]], last[np.r_[apart - 1, -1]]
        before = np.cumsum(ends - begins) - (ends - begins)
        read = np.empty(int((ends - begins).sum()), dtype=np.uint8)
        with self._turn:
            file = self._open()
            for begin, end, at in zip(begins.tolist(), ends.tolist(), before.tolist(), strict=True):
                file.seek(begin)
                file.readinto(read[at : at + end - begin].data)  # type: ignore[attr-defined]
        stretch = np.searchsorted(begins, first, side="right") - 1
        return read, which, first - begins[stretch] + before[stretch]

    def clear(self) -> None:
        """Forget all; what is put by next is written over it."""
        self.end = self._used = 0

    def write_out(self) -> None:
        """See to it that what was put by is on the disk."""
        try:
            file = self._open()
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise self._no_room(error) from error

    def go_on(self, end: int) -> bool:
        """Go on after what another process put by; False where the file does not hold it."""
        if self._path is None or self._path.stat().st_size < end:
            return False
        self.end = end
        return True

    def _open(self) -> IO[bytes]:
        if self._file is not None:
            return self._file
        try:
            opened: IO[Any]
            if self._path is None:
                opened = tempfile.TemporaryFile(prefix="turncoat-held-")  # noqa: SIM115
            else:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.touch()
                opened = self._path.open("r+b")
        except OSError as error:
            raise self._no_room(error) from error
        weakref.finalize(self, opened.close)
        self._file = opened
        return opened

    def _no_room(self, error: OSError) -> OutputError:
        folder = Path(tempfile.gettempdir()) if self._path is None else self._path.parent
        advice = ", or set TMPDIR to a larger disk" if self._path is None else ""
        return OutputError(
            f"Epithelial cells that wait for the end of the pass cannot be put in {folder}: "
            f"{error}. Free space there{advice}."
        )
