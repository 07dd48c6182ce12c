"""The tally of a plan: every cell once, on all cores, resumable."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from turncoat.errors import ArgumentError, StudyError
from turncoat.study import TallyPlan
from turncoat.tally.budget import Budget
from turncoat.tally.checkpoint import Carried, Checkpoint, Keeper, fingerprint
from turncoat.tally.groups import GroupSums, describe_columns
from turncoat.tally.interrupt import DeferredInterrupt
from turncoat.tally.packed import Packer
from turncoat.tally.partial import PartialTally, Piece
from turncoat.tally.progress import Pace, Report
from turncoat.tally.readers import open_reader
from turncoat.tally.scan import Accumulator, InTurn, Stamp, default_threads, scan

if TYPE_CHECKING:
    import anndata as ad

#: Cells of one row whose squared logarithms, each at most log1p(10,000)**2 = 85, still fit into
#: 63 bits of grid steps.
MOST_CELLS_PER_ROW = 6_000_000

#: First and last cell (exclusive) of a source, by its number in the plan.
Span = tuple[int, int, int]


class First(Carried, Protocol):
    """What is done with the blocks of every source before they are added to the rows."""

    def of(self, source: int) -> Accumulator:
        """Give what is done with the blocks of a source."""


def tally_plan(
    plan: TallyPlan,
    *,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
    first: First | None = None,
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
    first
        What else is done with each block; see :func:`count_plan`.

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

    budget = Budget.of(memory_limit, n_genes=len(plan.gene_table))
    partial = count_plan(
        plan,
        budget=budget,
        threads=threads,
        progress=progress,
        checkpoint=checkpoint,
        first=first,
    )
    tally = build_tally(plan, partial, dense_bytes=budget.dense_bytes)
    if checkpoint is not None:
        checkpoint.path.unlink(missing_ok=True)
    return tally


def tally_plan_to_file(
    plan: TallyPlan,
    file: Path,
    *,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
) -> Path:
    """Count every cell of a plan into an h5ad file.

    Parameters
    ----------
    plan
        Which cell goes to which row and which column to which gene.
    file
        Where to; it appears when it is whole.
    threads, memory_limit, progress, checkpoint
        As in :func:`tally_plan`.

    Returns
    -------
    Path
        The file: what :func:`tally_plan` gives, as AnnData writes it.

    Raises
    ------
    TurncoatError
        As :func:`tally_plan`; ``OutputError`` when the file cannot be written.
    """
    from turncoat.tally.filed import write_tally

    budget = Budget.of(memory_limit, n_genes=len(plan.gene_table))
    partial = count_plan(
        plan, budget=budget, threads=threads, progress=progress, checkpoint=checkpoint
    )
    write_tally(plan, partial, file, dense_bytes=budget.dense_bytes)
    if checkpoint is not None:
        checkpoint.path.unlink(missing_ok=True)
    return file


def count_plan(
    plan: TallyPlan,
    *,
    spans: Sequence[Span] | None = None,
    budget: Budget | None = None,
    threads: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
    also: Callable[[int], Sequence[Accumulator]] | None = None,
    first: First | None = None,
) -> PartialTally:
    """Count cells of a plan into whole-number sums that can be added to those of other cells.

    Parameters
    ----------
    plan
        Which cell goes to which row and which column to which gene.
    spans
        Which cells: source, first, stop; all by default.
    budget
        What the memory allows.
    threads, progress, checkpoint
        As in :func:`tally_plan`.
    also
        Gives further accumulators for the same pass over a source, by its number.
    first
        Gives what is done with each block before it is added to the rows: it may fill in the
        plan's ``row_codes`` of the block's cells. It is written down and taken up with the sums.

    Returns
    -------
    PartialTally
        The sums. Finish them with :func:`turncoat.tally.build.build_tally`.

    Raises
    ------
    ArgumentError
        When ``threads`` makes no sense.
    StudyError
        When a row holds more cells than can be summed exactly.
    """
    n_threads = default_threads() if threads is None else threads
    if n_threads < 1:
        raise ArgumentError(f"'threads' should be at least 1; got {n_threads}.")
    n_genes = len(plan.gene_table)
    room = Budget.of(None, n_genes=n_genes) if budget is None else budget
    refuse_overflow(plan)
    stamps = [Stamp.of(source.path) for source in plan.sources]
    if spans is None:
        spans = [(number, 0, source.n_cells) for number, source in enumerate(plan.sources)]
    partial = PartialTally.empty(len(plan.row_table), n_genes, spans, max_slots=room.max_slots)
    keeper = Keeper(partial, checkpoint, fingerprint(plan, stamps) if checkpoint else "", first)
    pace = Pace(progress, sum(p.stop - p.first for p in partial.pieces), partial.n_done)
    with (
        ThreadPoolExecutor(n_threads, thread_name_prefix="tally") as pool,
        DeferredInterrupt() as interrupt,
    ):
        run = _Run(plan, partial, room, pool, n_threads, keeper, pace, interrupt, also, first)
        for piece in partial.pieces:
            run.count(piece, stamps[piece.source])
    return partial


def refuse_overflow(plan: TallyPlan) -> None:
    """Refuse a row of so many cells that its sums could leave 64 bits."""
    n_rows = len(plan.row_table)
    sizes = sum(np.bincount(codes[codes >= 0], minlength=n_rows) for codes in plan.row_codes)
    largest = int(np.argmax(sizes))
    if n_rows and np.max(sizes) > MOST_CELLS_PER_ROW:
        raise StudyError(
            f"The row '{plan.row_names[largest]}' would hold {int(np.max(sizes)):,} cells; "
            f"{MOST_CELLS_PER_ROW:,} is the most that can be summed exactly. Split its sample, or "
            "name populations more finely."
        )


class _Run:
    """One run through the pieces of a partial tally."""

    def __init__(
        self,
        plan: TallyPlan,
        partial: PartialTally,
        budget: Budget,
        pool: ThreadPoolExecutor,
        n_threads: int,
        keeper: Keeper,
        pace: Pace,
        interrupt: DeferredInterrupt,
        also: Callable[[int], Sequence[Accumulator]] | None,
        first: First | None,
    ) -> None:
        self._first = first
        self._plan, self._partial, self._budget = plan, partial, budget
        self._pool, self._n_threads = pool, n_threads
        self._keeper, self._pace, self._interrupt, self._also = keeper, pace, interrupt, also

    def count(self, piece: Piece, stamp: Stamp) -> None:
        """Count what is left of a piece."""
        if piece.done >= piece.stop:
            return
        source = self._plan.sources[piece.source]
        genes = self._plan.gene_names
        codes = np.asarray(self._plan.gene_codes[piece.source], dtype=np.int64)
        packer = Packer(source, describe_columns(source, codes, genes), len(genes))
        reader = open_reader(
            source, packer, piece.done, piece.stop, budget=self._budget, n_threads=self._n_threads
        )
        groups = GroupSums(
            self._plan.row_codes[piece.source],
            piece,
            self._partial,
            target_sum=float(self._plan.meta["target_sum"]),
            n_jobs=self._n_threads,
        )

        def after(done: int) -> None:
            piece.done = done
            self._pace(self._partial.n_done)
            if self._keeper.due or self._interrupt.asked:
                self._keeper.save()
            if self._interrupt.asked:
                raise KeyboardInterrupt

        others = [] if self._also is None else self._also(piece.source)
        adding = groups if self._first is None else InTurn(self._first.of(piece.source), groups)
        scan(reader, [adding, *others], pool=self._pool, stamp=stamp, after=after)
