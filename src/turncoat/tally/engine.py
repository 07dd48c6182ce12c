"""The tally of a plan: every cell once, on all cores, resumable."""

import hashlib
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.study import TallyPlan
from turncoat.tally.budget import Budget
from turncoat.tally.groups import GroupSums
from turncoat.tally.partial import PartialTally
from turncoat.tally.progress import Pace, Report
from turncoat.tally.readers import open_reader
from turncoat.tally.scan import Accumulator, Stamp, default_threads, scan

if TYPE_CHECKING:
    import anndata as ad

#: Name of the file that a resumable tally keeps in its folder.
PARTIAL_NAME = "tally.partial"

#: Seconds between two writings of it: at most this much work is lost.
SECONDS_BETWEEN_SAVES = 30.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where and how often a tally writes down how far it is.

    Parameters
    ----------
    folder
        Where the partial tally is kept while the tally runs; removed when it is done.
    every
        Seconds between two writings.
    """

    folder: Path
    every: float = SECONDS_BETWEEN_SAVES

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / PARTIAL_NAME


def tally_plan(
    plan: TallyPlan,
    *,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
) -> "ad.AnnData":
    """Count every cell of a plan, in one pass over its files.

    Parameters
    ----------
    plan
        Which cell goes to which row and which column to which gene.
    threads
        Threads that read and count; the cores at hand by default. The result is the same.
    memory_limit
        Bytes to work in; a quarter of what is free by default. The result is the same.
    progress
        Called now and then with :class:`turncoat.tally.Progress`.
    checkpoint
        Where to write how far it is; a killed or interrupted tally goes on from there.

    Returns
    -------
    AnnData
        The tally: rows × genes, with the layers of :mod:`turncoat.tally.layout`.

    Raises
    ------
    CountsError
        When a value is no raw count: names source, cell and gene.
    FileFormatError
        When a file is damaged.
    ChangedInputError
        When a file changes while it is read.
    OutputError
        When sums cannot be written to disk.
    ArgumentError
        When ``threads`` or ``memory_limit`` make no sense.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.pp.tally_plan(study.plan(), threads=2)  # doctest: +SKIP
    """
    from turncoat.tally.build import build_tally

    budget = Budget.of(memory_limit, n_genes=plan.genes.shape[0])
    partial = count_plan(
        plan, budget=budget, threads=threads, progress=progress, checkpoint=checkpoint
    )
    tally = build_tally(plan, partial, dense_bytes=budget.dense_bytes)
    if checkpoint is not None:
        checkpoint.path.unlink(missing_ok=True)
    return tally


def count_plan(
    plan: TallyPlan,
    *,
    budget: Budget,
    threads: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
    also: Sequence[Sequence[Accumulator]] = (),
) -> PartialTally:
    """Count every cell of a plan into whole-number sums.

    ``also`` holds, per source, further accumulators for the same pass.
    """
    n_threads = default_threads() if threads is None else threads
    if n_threads < 1:
        raise ArgumentError(f"'threads' should be at least 1; got {n_threads}.")
    stamps = [Stamp.of(source.path) for source in plan.sources]
    partial = PartialTally.empty(
        plan.rows.shape[0],
        plan.genes.shape[0],
        [source.n_cells for source in plan.sources],
        max_slots=budget.max_slots,
    )
    keeper = _Keeper(partial, checkpoint, _fingerprint(plan, stamps) if checkpoint else "")
    pace = Pace(progress, sum(s.n_cells for s in plan.sources), int(partial.position.sum()))
    with ThreadPoolExecutor(n_threads, thread_name_prefix="tally") as pool:
        for number, source in enumerate(plan.sources):
            first = int(partial.position[number])
            if first >= source.n_cells:
                continue
            groups = GroupSums(
                plan, number, partial, target_sum=float(plan.meta["target_sum"]), n_jobs=n_threads
            )
            reader = open_reader(source, start=first, budget=budget)

            def after(done: int, number: int = number, groups: GroupSums = groups) -> None:
                partial.position[number] = done
                pace(int(partial.position.sum()))
                keeper.now_and_then(groups)

            accumulators = [groups, *(also[number] if also else ())]
            try:
                scan(reader, accumulators, pool=pool, stamp=stamps[number], after=after)
            except KeyboardInterrupt:
                keeper.save(groups)
                raise
            groups.finish()
    return partial


class _Keeper:
    """Writes the partial tally down now and then, and finds it again."""

    def __init__(self, partial: PartialTally, checkpoint: Checkpoint | None, mark: str) -> None:
        self._partial, self._checkpoint, self._mark = partial, checkpoint, mark
        self._last = time.monotonic()
        if checkpoint is not None and checkpoint.path.exists():
            partial.load(checkpoint.path, fingerprint=mark)

    def now_and_then(self, groups: GroupSums) -> None:
        """Save when it is time."""
        if self._checkpoint is not None and time.monotonic() - self._last >= self._checkpoint.every:
            self.save(groups)

    def save(self, groups: GroupSums) -> None:
        """Save now."""
        if self._checkpoint is None:
            return
        groups.finish()
        self._partial.save(self._checkpoint.path, fingerprint=self._mark)
        self._last = time.monotonic()


def _fingerprint(plan: TallyPlan, stamps: Sequence[Stamp]) -> str:
    """Tell one plan on one set of files from every other."""
    digest = hashlib.sha256(json.dumps(plan.meta, sort_keys=True, default=str).encode())
    digest.update("\n".join([*map(str, plan.rows.index), *map(str, plan.genes.index)]).encode())
    for codes in (*plan.row_codes, *plan.gene_codes):
        digest.update(np.ascontiguousarray(codes, dtype=np.int64).data)
    for source, stamp in zip(plan.sources, stamps, strict=True):
        digest.update(f"{source.name} {source.n_cells} {stamp.marks}".encode())
    return digest.hexdigest()
