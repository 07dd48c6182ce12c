"""One pass over the cells of a source, for any number of things to be counted.

The pass is a pipeline on a pool of threads: while one block of rows is counted, the next are
read and unpacked. Everything that takes time releases the interpreter lock; nothing forks.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from turncoat.errors import ChangedInputError
from turncoat.tally.packed import PackedBlock

Job = Callable[[], None]
Stage = list[Job]
Reading = tuple[list[Job], Callable[[], PackedBlock | None]]
_Pending = deque[tuple[list[Future[None]], Callable[[], PackedBlock | None]]]

#: Blocks being read ahead of the one being counted.
AHEAD = 1


class Accumulator(Protocol):
    """Something that is counted while the cells go by."""

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Give the work on a block as stages of jobs.

        Jobs of one stage may run at the same time; what comes after a ``yield`` runs when they
        are all done. A stage without a job ends the work.
        """


@dataclass(frozen=True, slots=True)
class InTurn:
    """Accumulators of which each needs what those before it made of a block."""

    first: Accumulator
    then: Accumulator

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Give the stages of the one, then those of the other."""
        yield from self.first.stages(block)
        yield from self.then.stages(block)


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
    try:
        while _read_ahead(reader, pending, pool):
            reading, take = pending.popleft()
            _finish(reading)
            stamp.check()
            block = take()
            if block is None:
                break
            stages = [each.stages(block) for each in accumulators]
            counting = _submit(stages, pool)
            # Behind the counting in the queue: threads that have nothing to count read on.
            _read_ahead(reader, pending, pool)
            while counting:
                _finish(counting)
                counting = _submit(stages, pool)
            if after is not None:
                after(block.start + block.n_cells)
    finally:
        left = [job for jobs, _ in pending for job in jobs]
        for job in left:
            job.cancel()
        wait(left)


def _submit(
    accumulators: Sequence[Iterator[Stage]], pool: ThreadPoolExecutor
) -> list[Future[None]]:
    """Begin the next stage of every accumulator that has one."""
    stages = [next(each, []) for each in accumulators]
    return [pool.submit(job) for stage in stages for job in stage]


def _read_ahead(reader: BlockReader, pending: _Pending, pool: ThreadPoolExecutor) -> bool:
    while len(pending) < AHEAD:
        begun = reader.begin()
        if begun is None:
            break
        jobs, take = begun
        pending.append(([pool.submit(job) for job in jobs], take))
    return bool(pending)


def _finish(jobs: list[Future[None]]) -> None:
    # All are waited for, also when one fails: none may still write when the caller goes on.
    wait(jobs)
    for job in jobs:
        job.result()
