"""What one worker counts: a range of rows of one file, into sums that travel."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import ChangedInputError, MissingFileError
from turncoat.plain_table import PlainTable
from turncoat.study import CellSource, TallyPlan, open_source
from turncoat.tables import IntArray
from turncoat.tally.budget import Budget
from turncoat.tally.engine import count_plan
from turncoat.tally.scan import Stamp
from turncoat.tally.sums import N_PARTS, SparseRow

if TYPE_CHECKING:
    import pandas as pd

#: Share of a worker's memory that its tasks may work in; sums on their way need the rest.
SHARE_OF_WORKER = 0.4


@dataclass(frozen=True, slots=True)
class Context:
    """What all partitions of a file have in common."""

    path: Path
    layer: str | None
    stamp: Stamp
    gene_codes: IntArray
    genes: "pd.DataFrame"
    n_rows: int
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Partition:
    """Rows ``start`` to ``stop`` of a source, and the tally's row of each."""

    number: int
    start: int
    stop: int
    codes: IntArray


@dataclass(frozen=True, slots=True)
class PartSums:
    """Sums of some partitions, packed into few arrays.

    Parameters
    ----------
    rows, sizes
        Rows of the tally that have a count, ascending, and how many genes each has.
    genes, sums
        Their genes and sums, one row after the other.
    n_cells
        Cells counted per row of the tally.
    measures
        Source, first cell and measures of the cells of each partition.
    """

    rows: IntArray
    sizes: IntArray
    genes: IntArray
    sums: IntArray
    n_cells: IntArray
    measures: tuple[tuple[int, int, IntArray], ...]

    @classmethod
    def pack(
        cls,
        parts: Iterator[SparseRow],
        n_cells: IntArray,
        measures: tuple[tuple[int, int, IntArray], ...],
    ) -> "PartSums":
        """Put sums of rows one after the other."""
        kept = list(parts)
        nothing = np.empty(0, np.int32), np.empty((0, N_PARTS), np.int64)
        return cls(
            rows=np.array([part.row for part in kept], dtype=np.int64),
            sizes=np.array([part.genes.size for part in kept], dtype=np.int64),
            genes=np.concatenate([nothing[0], *(part.genes for part in kept)]),
            sums=np.concatenate([nothing[1], *(part.sums for part in kept)]),
            n_cells=n_cells,
            measures=measures,
        )

    def parts(self) -> Iterator[SparseRow]:
        """Take the sums apart again."""
        ends = np.cumsum(self.sizes).tolist()
        for row, size, end in zip(self.rows.tolist(), self.sizes.tolist(), ends, strict=True):
            yield SparseRow(row, self.genes[end - size : end], self.sums[end - size : end])


def add_up(several: Sequence[PartSums], n_genes: int) -> PartSums:
    """Add partial sums of different partitions."""
    by_row: dict[int, list[SparseRow]] = {}
    for one in several:
        for part in one.parts():
            by_row.setdefault(part.row, []).append(part)

    def added() -> Iterator[SparseRow]:
        # One array for all rows: workers give memory back at once, and fresh pages cost time.
        total = np.empty((n_genes, N_PARTS), dtype=np.int64)
        for row in sorted(by_row):
            parts = by_row.pop(row)
            if len(parts) == 1:
                yield parts[0]
                continue
            total[:] = 0
            for part in parts:
                total[part.genes] += part.sums
            yield SparseRow.of(row, total)

    return PartSums.pack(
        added(),
        n_cells=np.sum([one.n_cells for one in several], axis=0),
        measures=tuple(measured for one in several for measured in one.measures),
    )


def count_partition(
    context: Context, part: Partition, topic: str, memory_limit: int | None
) -> PartSums:
    """Count the cells of one partition: the task that workers run.

    Raises
    ------
    ChangedInputError
        When the file is not the one that was planned with.
    MissingFileError
        When this worker does not see the file.
    """
    from distributed import get_worker

    worker = get_worker()
    _check_file(context, worker.address)
    limit = memory_limit or _share(worker)
    counted = count_rows(context, part, Budget.of(limit, n_genes=len(context.genes)))
    worker.log_event(topic, (part.number, part.start, part.stop))
    return counted


def count_rows(context: Context, part: Partition, budget: Budget) -> PartSums:
    """Count rows ``start`` to ``stop`` of a file."""
    source = _opened(context.path, context.layer, context.stamp.marks)
    # Pages of fresh zeros that nothing is written to take no memory: lengths are the file's.
    codes = np.zeros(source.n_cells, dtype=np.int64)
    codes[part.start : part.stop] = part.codes
    plan = TallyPlan(
        sources=(source,),
        row_codes=(codes,),
        row_table=PlainTable(np.arange(context.n_rows).astype(str).astype(object), {}),
        gene_codes=(context.gene_codes,),
        gene_table=context.genes,
        meta=context.meta,
        left_out=PlainTable.of_rows(TallyPlan.schema, []),
    )
    counted = count_plan(plan, spans=[(0, part.start, part.stop)], budget=budget, threads=1)
    measures = ((part.number, part.start, counted.pieces[0].measures),)
    return PartSums.pack(counted.sums.parts(), counted.n_cells, measures)


@functools.lru_cache(maxsize=8)
def _opened(path: Path, layer: str | None, _: tuple[int, ...]) -> CellSource:
    """Open a file once a process; again when it is another one."""
    return open_source(path, layer=layer)


def _check_file(context: Context, worker: str) -> None:
    if not context.path.exists():
        raise MissingFileError(
            f"The worker {worker} does not see {context.path}. All workers need the files at the "
            "same path: put them on a shared disk."
        )
    # Inode and device differ between machines that mount one disk; size and time do not.
    here, there = Stamp.of(context.path).marks[:2], context.stamp.marks[:2]
    if here != there:
        raise ChangedInputError(
            f"{context.path} as the worker {worker} sees it is not the file that was planned with "
            "(another size or time). Run again when nothing writes to it."
        )


def _share(worker: Any) -> int | None:
    limit = worker.memory_manager.memory_limit
    return None if not limit else int(limit / worker.state.nthreads * SHARE_OF_WORKER)
