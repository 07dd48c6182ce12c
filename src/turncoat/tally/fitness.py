"""Quality of the cells of a plan, measured in one pass over the files, and who is left out."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.doublets import score_doublets
from turncoat.cells.quality import (
    EMPTY,
    N_DEVIATIONS,
    SIMULATED,
    TWO_LINEAGES,
    gene_families,
    judge_cells,
)
from turncoat.cells.quality_result import Quality
from turncoat.cells.stream import ROWS_PER_BLOCK, to_plan_genes
from turncoat.cells.two_lineages import exclusive_markers, shows_two
from turncoat.study import TallyPlan
from turncoat.study.relabel import leave_out
from turncoat.tables import BoolArray, FloatArray, IntArray
from turncoat.tally import kernels
from turncoat.tally.budget import Budget
from turncoat.tally.groups import describe_columns
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock, Packer
from turncoat.tally.progress import Pace, Report
from turncoat.tally.readers import open_reader
from turncoat.tally.scan import Job, Stage, Stamp, default_threads, scan

#: Kinds of genes that a cell's shares are worked out of; lineages come after them.
RIBO, HAEMOGLOBIN, FIRST_LINEAGE = 0, 1, 2


class CellMeasures:
    """Measures the packed cells of one source; an accumulator of a pass.

    Parameters
    ----------
    n_cells
        Cells of the source.
    genes
        Genes of the plan.
    species
        Whose markers tell lineages.
    n_jobs
        Jobs that a block is shared out among.
    """

    def __init__(self, n_cells: int, genes: pd.Index, species: str, *, n_jobs: int) -> None:
        self._n_jobs = n_jobs
        lineages = exclusive_markers(species)
        self._n_kinds = FIRST_LINEAGE + len(lineages)
        self._kinds = np.full(len(genes) + 1, -1, dtype=np.int16)
        for k, own in enumerate(lineages):
            at = genes.get_indexer(pd.Index(own))
            self._kinds[at[at >= 0]] = FIRST_LINEAGE + k
        families = gene_families(genes)
        self._kinds[:-1][families["ribo"]] = RIBO
        self._kinds[:-1][families["haemoglobin"]] = HAEMOGLOBIN
        self.values: FloatArray = np.zeros((n_cells, 5), dtype=np.float64)
        #: Genes of each exclusive lineage that were seen (there are eight of each), and their counts.
        self.shown: IntArray = np.zeros((n_cells, len(lineages)), dtype=np.uint8)
        self.counts: IntArray = np.zeros((n_cells, len(lineages)), dtype=np.int32)

    @property
    def arrays(self) -> "dict[str, np.ndarray[Any, Any]]":
        """All that is known of the cells."""
        return {"values": self.values, "shown": self.shown, "counts": self.counts}

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Measure the cells of a block, shared out among jobs."""
        edges = np.linspace(0, block.n_cells, self._n_jobs + 1).astype(int).tolist()
        yield [self._job(block, a, b) for a, b in itertools.pairwise(edges) if b > a]

    def _job(self, block: PackedBlock, first: int, last: int) -> Job:
        def measure() -> None:
            ledger = block.ledger[first:last]
            found = np.zeros((last - first, self._n_kinds, 2), dtype=np.int64)
            kernels.measure_kinds(block.genes, block.counts, ledger, self._kinds, found)
            rows = slice(block.start + first, block.start + last)
            library = ledger[:, units.LIBRARY].astype(float)
            depth = np.maximum(library, 1)
            self.values[rows] = np.stack(
                [
                    library,
                    ledger[:, units.DETECTED],
                    ledger[:, units.MITO] / depth,
                    found[:, RIBO, 1] / depth,
                    found[:, HAEMOGLOBIN, 1] / depth,
                ],
                axis=1,
            )
            self.shown[rows] = found[:, FIRST_LINEAGE:, 0]
            self.counts[rows] = found[:, FIRST_LINEAGE:, 1]

        return measure


def quality_of_plan(
    plan: TallyPlan,
    *,
    remove: Sequence[str] = (),
    deviations: float = N_DEVIATIONS,
    empty: int = EMPTY,
    doublets: bool = False,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
) -> Quality:
    """Look at the quality of every cell of a plan, in one pass over its files.

    Parameters
    ----------
    plan
        The cells.
    remove, deviations, empty
        As in :func:`turncoat.cells.quality.judge_cells`.
    doublets
        Also simulate doublets within each sample; the cells of a sample are then in memory
        together.
    seed
        For simulating.
    threads, memory_limit, progress
        As in :func:`turncoat.tally.tally_plan`.

    Returns
    -------
    Quality
        One row a cell of the plan, in its order.
    """
    measured = _measure(plan, threads=threads, memory_limit=memory_limit, progress=progress)
    seen = {SIMULATED: _simulate(plan, seed)} if doublets else {}
    return judge_measured(
        plan, measured, seen=seen, remove=remove, deviations=deviations, empty=empty
    )


def judge_measured(
    plan: TallyPlan,
    measured: Sequence[CellMeasures],
    *,
    seen: Mapping[str, BoolArray] | None = None,
    remove: Sequence[str] = (),
    deviations: float = N_DEVIATIONS,
    empty: int = EMPTY,
) -> Quality:
    """Mark the cells of a plan by what a pass measured of each.

    Parameters
    ----------
    plan
        The cells by sample.
    measured
        What was measured, source by source.
    seen
        Further marks, by name: flags, shape ``(n_cells,)``.
    remove, deviations, empty
        As in :func:`turncoat.cells.quality.judge_cells`.
    """
    table = pd.DataFrame(
        np.concatenate([one.values for one in measured]),
        columns=["counts", "genes", "mito", "ribo", "haemoglobin"],
    )
    barcodes = [source.read_obs([]).index.to_numpy(dtype=object) for source in plan.sources]
    table.insert(0, "barcode", np.concatenate(barcodes))
    table.insert(1, "sample", _samples_of(plan))
    shown, counts = (
        np.concatenate([one.arrays[name] for one in measured]) for name in ("shown", "counts")
    )
    two = {TWO_LINEAGES: shows_two(shown, counts, table["counts"].to_numpy())}
    return judge_cells(
        table, two | dict(seen or {}), remove=remove, deviations=deviations, empty=empty
    )


def _samples_of(plan: TallyPlan) -> "np.ndarray[Any, Any]":
    samples = np.append(plan.rows["sample"].to_numpy(dtype=object), "")
    found: np.ndarray[Any, Any] = samples[np.concatenate(plan.row_codes)]
    return found


def without_removed(plan: TallyPlan, found: Quality | None) -> TallyPlan:
    """Leave out of a plan the cells that a look at their quality removed."""
    if found is None or not found.removed.any():
        return plan
    ends = np.cumsum([source.n_cells for source in plan.sources])[:-1]
    reason = f"quality: {found.params['remove']}"
    return leave_out(plan, np.split(found.removed, ends), reason)


def _measure(
    plan: TallyPlan, *, threads: int | None, memory_limit: int | None, progress: Report | None
) -> list[CellMeasures]:
    n_threads = default_threads() if threads is None else threads
    genes = plan.genes.index
    budget = Budget.of(memory_limit, n_genes=len(genes))
    before = np.cumsum([0, *(source.n_cells for source in plan.sources)]).tolist()
    pace = Pace(progress, before[-1], 0)
    made = []
    with ThreadPoolExecutor(n_threads, thread_name_prefix="quality") as pool:
        for number, source in enumerate(plan.sources):
            one = CellMeasures(source.n_cells, genes, str(plan.meta["species"]), n_jobs=n_threads)
            codes = np.asarray(plan.gene_codes[number], dtype=np.int64)
            names = [str(gene) for gene in genes]
            packer = Packer(source, describe_columns(source, codes, names), len(names))
            reader = open_reader(
                source, packer, 0, source.n_cells, budget=budget, n_threads=n_threads
            )
            after = _telling(pace, before[number])
            scan(reader, [one], pool=pool, stamp=Stamp.of(source.path), after=after)
            made.append(one)
    return made


def _telling(pace: Pace, before: int) -> Callable[[int], None]:
    return lambda done: pace(before + done)


def _simulate(plan: TallyPlan, seed: int) -> BoolArray:
    """Call simulated doublets; a sample is scored, and let go, once all its cells are read."""
    samples = np.unique(_samples_of(plan).astype(str), return_inverse=True)[1]
    left = np.bincount(samples)
    parts: dict[int, list[tuple[IntArray, sp.csr_matrix]]] = {}
    called = np.zeros(samples.size, dtype=bool)
    for first, counts in _read(plan):
        here = samples[first : first + counts.shape[0]]
        for sample in np.unique(here).tolist():
            rows = np.flatnonzero(here == sample)
            parts.setdefault(sample, []).append((first + rows, counts[rows]))
            left[sample] -= rows.size
            if not left[sample]:
                numbers, own = zip(*parts.pop(sample), strict=True)
                _, called[np.concatenate(numbers)] = score_doublets(sp.vstack(own), seed=seed)
    return called


def _read(plan: TallyPlan) -> Iterator[tuple[int, sp.csr_matrix]]:
    """Read the cells of a plan block by block, each with the number of its first cell."""
    before = 0
    for source, codes in zip(plan.sources, plan.gene_codes, strict=True):
        for block in source.blocks(ROWS_PER_BLOCK):
            counts = to_plan_genes(block, codes, len(plan.genes))
            yield before + block.start, counts.astype(np.float32)
        before += source.n_cells
