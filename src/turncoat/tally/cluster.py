"""The same tally on a Dask cluster: partitions of rows counted apart, added up in a tree.

Every task is a pure function of a file and a range of rows, and whole numbers add up to the same
in any order. So a task that runs twice, because its worker died, changes nothing: a cell is in
the result once, or the run ends with an error.
"""

import contextlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import ArgumentError, OutputError, require
from turncoat.study import TallyPlan
from turncoat.study.sources.matrix import GatheredMatrix
from turncoat.study.sources.protocol import CellSource
from turncoat.tally.budget import Budget
from turncoat.tally.partial import PartialTally
from turncoat.tally.partition import Context, Partition, PartSums, add_up, count_partition
from turncoat.tally.progress import Pace, Report
from turncoat.tally.scan import Stamp

if TYPE_CHECKING:
    import anndata as ad

#: Partitions per thread of the cluster. Sums of a partition are as large for few cells as for many
#: (36 bytes a row and gene), and travel twice: more partitions mean more of them, while the most
#: cells a partition may have already bounds what is lost with a worker.
PARTITIONS_PER_THREAD = 1
#: Cells per partition at least and at most, unless asked otherwise: below, setting up costs more
#: than counting; above, a lost worker costs minutes.
LEAST_CELLS, MOST_CELLS = 20_000, 500_000
#: Partial sums added up in one task.
FAN_IN = 8
#: Seconds between two looks at how far the cluster is.
SECONDS_PER_LOOK = 0.2


def tally_on_cluster(
    plan: TallyPlan,
    client: Any,
    *,
    rows_per_partition: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
) -> "ad.AnnData":
    """Count every cell of a plan on the workers of a Dask cluster.

    Parameters
    ----------
    plan
        Which cell goes to which row and which column to which gene. Its sources must be files
        that all workers can read at the same path.
    client
        A ``dask.distributed.Client``.
    rows_per_partition
        Cells per task; by default one task a thread, within reasonable sizes.
    memory_limit
        Bytes that a task may work in; two fifths of its share of the worker by default.
    progress
        Called now and then with :class:`turncoat.tally.Progress`.

    Returns
    -------
    AnnData
        The tally, the same to the last bit as :func:`turncoat.tally.tally_plan` makes.

    Raises
    ------
    ArgumentError
        When a source is in memory, or workers keep dying of a task.
    MissingExtraError
        When Dask is not installed.
    TurncoatError
        As :func:`turncoat.tally.tally_plan`, from any worker.
    """
    from turncoat.tally.build import build_tally

    distributed = require("distributed", extra="dask", purpose="tally on a cluster")
    contexts = [_context(plan, number) for number in range(len(plan.sources))]
    partitions = cut(plan, rows_per_partition or _usual_size(plan, client))
    topic = f"turncoat-{uuid.uuid4().hex}"
    watch = _Watch(client, topic, Pace(progress, sum(s.n_cells for s in plan.sources), 0))
    pending = _submit(client, plan, contexts, partitions, topic, memory_limit)
    try:
        while not pending.done():
            watch.look(pending)
        total: PartSums = pending.result()
    except distributed.KilledWorker as error:
        raise ArgumentError(
            f"A task killed its worker again and again ({error.task}): most likely the worker had "
            "too little memory. Give workers more, or pass a smaller 'rows_per_partition'."
        ) from error
    finally:
        client.cancel([pending])
        watch.close()
    budget = Budget.of(memory_limit, n_genes=len(plan.genes))
    return build_tally(plan, _whole(plan, total, budget), dense_bytes=budget.dense_bytes)


def _submit(
    client: Any,
    plan: TallyPlan,
    contexts: Sequence[Context],
    partitions: Sequence[Partition],
    topic: str,
    memory_limit: int | None,
) -> Any:
    """Build the tree of tasks; only its root is held, so that sums go when they are used."""
    # Contexts are tasks too: should all their copies be lost with workers, they are made again.
    shared = [client.submit(_same, context, pure=False) for context in contexts]
    level = [
        client.submit(
            count_partition, shared[part.number], part, topic, memory_limit, pure=False, retries=2
        )
        for part in partitions
    ]
    while len(level) > 1:
        groups = [level[i : i + FAN_IN] for i in range(0, len(level), FAN_IN)]
        level = [client.submit(add_up, group, len(plan.genes), pure=False) for group in groups]
    return level[0]


def _same(value: Any) -> Any:
    return value


def _context(plan: TallyPlan, number: int) -> Context:
    source = plan.sources[number]
    if source.path is None:
        raise ArgumentError(
            f"'{source.name}' is in memory, where workers cannot read it. Write it to a file that "
            "all workers see (adata.write_h5ad) and give its path."
        )
    return Context(
        path=source.path.resolve(),
        layer=getattr(source, "layer", None),
        stamp=Stamp.of(source.path),
        gene_codes=plan.gene_codes[number],
        genes=plan.genes,
        n_rows=len(plan.rows),
        meta=dict(plan.meta),
    )


def _usual_size(plan: TallyPlan, client: Any) -> int:
    threads: int = sum(
        worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()
    )
    if not threads:
        raise ArgumentError("The cluster of 'client' has no workers: start some first.")
    n_cells = sum(source.n_cells for source in plan.sources)
    usual = -(-n_cells // (threads * PARTITIONS_PER_THREAD))
    return min(max(usual, LEAST_CELLS), MOST_CELLS)


def cut(plan: TallyPlan, rows_per_partition: int) -> list[Partition]:
    """Cut the sources of a plan into ranges of rows.

    A source that can only be read as a whole (a text, or values stored by gene) stays whole.

    Raises
    ------
    ArgumentError
        When ``rows_per_partition`` is below 1.
    """
    if rows_per_partition < 1:
        raise ArgumentError(f"'rows_per_partition' should be at least 1; got {rows_per_partition}.")
    partitions = []
    for number, source in enumerate(plan.sources):
        step = source.n_cells if reads_whole(source) else rows_per_partition
        for start in range(0, source.n_cells, max(1, step)):
            stop = min(start + step, source.n_cells)
            codes = plan.row_codes[number][start:stop].astype(np.int32)
            partitions.append(Partition(number, start, stop, codes))
    return partitions


def reads_whole(source: CellSource) -> bool:
    """Whether reading any rows of a source means to go through all of it."""
    return isinstance(getattr(source, "matrix", None), GatheredMatrix)


class _Watch:
    """Follows the partitions that are done; one that is done twice counts once."""

    def __init__(self, client: Any, topic: str, pace: Pace) -> None:
        self._client, self._topic, self._pace = client, topic, pace
        self._done: dict[tuple[int, int], int] = {}
        client.subscribe_topic(topic, self._note)

    def _note(self, event: Any) -> None:
        number, start, stop = event[1]
        self._done[number, start] = stop - start

    def look(self, pending: Any) -> None:
        """Wait a little, then report."""
        import distributed

        with contextlib.suppress(distributed.TimeoutError):
            distributed.wait(pending, timeout=SECONDS_PER_LOOK)
        self._pace(sum(self._done.values()))

    def close(self) -> None:
        """Follow no longer."""
        self._client.unsubscribe_topic(self._topic)


def _whole(plan: TallyPlan, total: PartSums, budget: Budget) -> PartialTally:
    """Put what the cluster counted where the tally is built from, and check that it is all."""
    spans = [(number, start, start + len(own)) for number, start, own in total.measures]
    partial = PartialTally.empty(len(plan.rows), len(plan.genes), spans, max_slots=budget.max_slots)
    for part in total.parts():
        partial.sums.add(part)
    partial.n_cells += total.n_cells
    counted = [np.zeros(source.n_cells, dtype=np.int64) for source in plan.sources]
    for piece, (number, start, own) in zip(partial.pieces, total.measures, strict=True):
        piece.measures, piece.done = own, piece.stop
        counted[number][start : start + len(own)] += 1
    planned = sum(int((codes >= 0).sum()) for codes in plan.row_codes)
    if any((times != 1).any() for times in counted) or int(total.n_cells.sum()) != planned:
        raise OutputError(
            f"The cluster counted {int(total.n_cells.sum()):,} of {planned:,} cells: no tally is "
            "made of that. Run again; if it stays so, report it."
        )
    return partial
