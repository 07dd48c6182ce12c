"""One pass over the cells of a source, for any number of things to be counted.

The pass is a pipeline on a pool of threads: while one block of rows is counted, the next are
read and unpacked. Everything that takes time releases the interpreter lock; nothing forks.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from turncoat.errors import ChangedInputError
from turncoat.study.sources.protocol import Block, CellSource

Job = Callable[[], None]
Reading = tuple[list[Job], Callable[[], Block | None]]
_Pending = deque[tuple[list[Future[None]], Callable[[], Block | None]]]

#: Blocks being read ahead of the one being counted.
AHEAD = 2


class Accumulator(Protocol):
    """Something that is counted while the cells go by."""

    def jobs(self, block: Block) -> list[Job]:
        """Split the work on a block into jobs that may run at the same time.

        Jobs of the next block start when all jobs of this one are done. The arrays of the block
        are only valid until then.
        """


class BlockReader(Protocol):
    """Something that reads blocks of rows in order, the work of each split into jobs."""

    def begin(self) -> Reading | None:
        """Give the jobs that read the next block, and what to call for it when they are done.

        Blocks are taken in the order they were begun; jobs of several may run at once. None when
        no block is left; a block that turns out not to be there is None too.
        """


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the one that was opened."""

    path: Path | None
    marks: tuple[int, ...]

    @classmethod
    def of(cls, path: Path | None) -> "Stamp":
        """Look at a file (a folder: at itself only)."""
        return cls(path, _marks(path))

    def check(self) -> None:
        """Stop when the file was changed or replaced.

        Raises
        ------
        ChangedInputError
            Naming the file.
        """
        if _marks(self.path) != self.marks:
            raise ChangedInputError(
                f"{self.path} was changed or replaced while it was read, so what was counted is of "
                "no single file. Run again when nothing writes to it."
            )


def _marks(path: Path | None) -> tuple[int, ...]:
    if path is None:
        return ()
    try:
        status = path.stat()
    except FileNotFoundError:
        return (-1,)
    return (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


def default_threads() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def scan(
    reader: BlockReader,
    accumulators: Sequence[Accumulator],
    *,
    pool: ThreadPoolExecutor,
    stamp: Stamp,
    after: Callable[[int], None] | None = None,
) -> None:
    """Read every block once and let every accumulator count it.

    Parameters
    ----------
    reader
        Where the blocks come from.
    accumulators
        What is counted.
    pool
        Threads that read and count.
    stamp
        The file as it was when opened; checked after every block.
    after
        Called with the first row not yet counted, whenever all before it are.

    Raises
    ------
    ChangedInputError
        When the file changes underneath.
    """
    pending: _Pending = deque()
    counting: list[Future[None]] = []
    try:
        while _read_ahead(reader, pending, pool):
            reading, take = pending.popleft()
            _finish(reading)
            stamp.check()
            block = take()
            if block is None:
                break
            counting = [pool.submit(job) for each in accumulators for job in each.jobs(block)]
            _read_ahead(reader, pending, pool)
            _finish(counting)
            if after is not None:
                after(block.start + block.n_cells)
    finally:
        # Also on Ctrl-C: no job may still touch the sums when the caller saves them.
        left = [*counting, *(job for jobs, _ in pending for job in jobs)]
        for job in left:
            job.cancel()
        wait(left)


def _read_ahead(reader: BlockReader, pending: _Pending, pool: ThreadPoolExecutor) -> bool:
    while len(pending) < AHEAD:
        begun = reader.begin()
        if begun is None:
            break
        jobs, take = begun
        pending.append(([pool.submit(job) for job in jobs], take))
    return bool(pending)


def _finish(jobs: list[Future[None]]) -> None:
    for job in jobs:
        job.result()


class PlainReader:
    """Blocks of any source, read by one thread at a time while others count."""

    def __init__(self, source: CellSource, *, start: int, rows_per_block: int) -> None:
        self._blocks = source.blocks(rows_per_block, start=start)
        self._turn = threading.Lock()
        self._ready: deque[Block] = deque()
        self._exhausted = False

    def begin(self) -> Reading | None:
        """Give one job that reads the next block, whichever job comes first."""
        return None if self._exhausted else ([self._read], self._take)

    def _read(self) -> None:
        with self._turn:
            block = None if self._exhausted else next(self._blocks, None)
            if block is None:
                self._exhausted = True
            else:
                self._ready.append(block)

    def _take(self) -> Block | None:
        return self._ready.popleft() if self._ready else None
