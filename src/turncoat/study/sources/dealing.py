"""Values in any order, dealt out by windows of cells: in memory, or in a temporary file."""

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turncoat.errors import OutputError
from turncoat.study.sources.kernels import deal_values
from turncoat.tables import FloatArray, IntArray

#: A stretch of values: cell number, gene number, value; in any order.
Triple = tuple[IntArray, IntArray, FloatArray]


class Stretches(Protocol):
    """Values in any order, in stretches that any thread can read, as often as wanted."""

    dtype: "np.dtype[Any]"

    def __len__(self) -> int:
        """Count the stretches."""

    def cells(self, number: int) -> IntArray:
        """Read the cell numbers of a stretch."""

    def values(self, number: int) -> Triple:
        """Read a stretch."""


def share_out(work: Callable[[int], None], n_jobs: int, n_threads: int) -> None:
    """Do ``work(0)`` to ``work(n_jobs - 1)`` on some threads; the first error ends it."""
    numbers, lock, over = iter(range(n_jobs)), threading.Lock(), threading.Event()

    def run() -> None:
        while not over.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                work(number)
            except BaseException:
                over.set()
                raise

    with ThreadPoolExecutor(n_threads, thread_name_prefix="gather") as pool:
        try:
            for running in [pool.submit(run) for _ in range(n_threads)]:
                running.result()
        finally:
            over.set()


@dataclass(frozen=True, slots=True)
class Record:
    """Types that a value's cell (within its window), gene and value are kept as."""

    cell: "np.dtype[Any]"
    gene: "np.dtype[Any]"
    value: "np.dtype[Any]"

    @classmethod
    def of(cls, starts: IntArray, shape: tuple[int, int], value: "np.dtype[Any]") -> "Record":
        """Choose the smallest types that hold every number."""
        longest = int(np.diff(starts, append=shape[0]).max(initial=1))
        return cls(_whole(longest), _whole(shape[1]), value)

    @property
    def size(self) -> int:
        """Bytes of a value."""
        return self.cell.itemsize + self.gene.itemsize + self.value.itemsize

    def empty(self, n: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Make room for so many values."""
        return np.empty(n, self.cell), np.empty(n, self.gene), np.empty(n, self.value)

    def parse(self, raw: bytes, n: int) -> Triple:
        """Read back what was written of ``n`` values."""
        ends = np.cumsum([0, self.cell.itemsize * n, self.gene.itemsize * n]).tolist()
        return (
            np.frombuffer(raw, self.cell, n, ends[0]),
            np.frombuffer(raw, self.gene, n, ends[1]),
            np.frombuffer(raw, self.value, n, ends[2]),
        )


def _whole(size: int) -> "np.dtype[Any]":
    return np.dtype(np.uint16 if size <= 2**16 else np.int32)


class Dealt:
    """Values by windows of cells, dealt out by many threads; those of a window keep their order.

    Parameters
    ----------
    stretches
        The values.
    starts
        First cell of each window.
    shape
        Number of cells and genes.
    on_disk
        Whether they go to a temporary file.
    n_values
        How many there are, for messages.
    """

    def __init__(
        self,
        stretches: Stretches,
        starts: IntArray,
        shape: tuple[int, int],
        *,
        on_disk: bool,
        n_values: int,
    ) -> None:
        self._stretches, self._starts, self._n_values = stretches, starts, n_values
        self._record = Record.of(starts, shape, stretches.dtype)
        lengths = np.diff(starts, append=shape[0])
        self._window_of = np.repeat(np.arange(starts.size, dtype=np.int32), lengths)
        # Where the values of each stretch begin in each window, and where they are.
        self._begins: list[IntArray] = [np.empty(0, np.int64)] * len(stretches)
        self._places: list[int] = [0] * len(stretches)
        self._held: list[Triple | None] = [None] * len(stretches)
        self._end, self._lock = 0, threading.Lock()
        self._file = _TemporaryFile() if on_disk else None

    def deal(self, number: int) -> None:
        """Read one stretch and deal it out.

        Raises
        ------
        OutputError
            When the temporary file has no room.
        """
        cells, genes, values = self._stretches.values(number)
        sorted_ = self._record.empty(values.size)
        begins = np.zeros(self._starts.size + 1, dtype=np.int64)
        deal_values(
            np.ascontiguousarray(cells, dtype=np.int32),
            np.ascontiguousarray(genes, dtype=np.int32),
            np.ascontiguousarray(values, dtype=self._record.value),
            self._window_of, self._starts, begins, *sorted_,
        )  # fmt: skip
        self._begins[number] = begins
        if self._file is None:
            self._held[number] = sorted_
        else:
            self._write(self._file, number, begins, sorted_)

    def _write(self, file: "_TemporaryFile", number: int, begins: IntArray, dealt: Triple) -> None:
        """Write a stretch, window by window: the cells of each, its genes, its values."""
        raw = b"".join(
            part[begin:end].tobytes()
            for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True)
            for part in dealt
        )
        with self._lock:
            self._places[number] = self._end
            self._end += len(raw)
        try:
            file.write(raw, self._places[number])
        except OSError as error:
            need = self._n_values * self._record.size / 2**30
            raise OutputError(
                f"Values that are not stored row by row need {need:.2f} GiB of temporary space "
                f"in {tempfile.gettempdir()}: {error}. Free it, or set TMPDIR to a larger disk."
            ) from error

    def window(self, number: int) -> Iterator[Triple]:
        """Read the values of a window, in the order of the stretches."""
        for stretch, begins in enumerate(self._begins):
            begin, end = int(begins[number]), int(begins[number + 1])
            held = self._held[stretch]
            if begin == end:
                continue
            if held is not None:
                yield held[0][begin:end], held[1][begin:end], held[2][begin:end]
            elif self._file is not None:
                size = self._record.size
                raw = self._file.read(self._places[stretch] + begin * size, (end - begin) * size)
                yield self._record.parse(raw, end - begin)


class _TemporaryFile:
    """A file that many threads write and read at places of their own; removed with its owner."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="turncoat-rows-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path, self._lock = Path(folder) / "values", threading.Lock()
        self._stream: Any = None

    def _opened(self) -> Any:
        if self._stream is None:
            self._stream = self._path.open("w+b", buffering=0)
            weakref.finalize(self, self._stream.close)
        return self._stream

    def write(self, raw: bytes, place: int) -> None:
        with self._lock:
            stream = self._opened()
        rest = memoryview(raw)
        while rest:
            if hasattr(os, "pwrite"):
                done = os.pwrite(stream.fileno(), rest, place)
            else:
                with self._lock:
                    stream.seek(place)
                    done = stream.write(rest)
            rest, place = rest[done:], place + done

    def read(self, place: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            raw = os.pread(self._stream.fileno(), size, place)
        else:
            with self._lock:
                self._stream.seek(place)
                raw = self._stream.read(size)
        if len(raw) != size:
            raise OutputError(f"{self._path} was cut while it was in use. Start again.")
        return raw
