"""Naming the cells and counting them, in one pass over the files.

Each block of cells is named by the annotator as soon as it is unpacked, then added to the rows of
those names. Epithelial cells are held back until the pass is over: whether they are malignant is
told from all of them together, and only then are they added, where they belong.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells import UNASSIGNED, Annotation, Annotator, Malignancy, MarkerSet, Quality
from turncoat.cells.annotate import assemble
from turncoat.cells.model import TARGET_SUM
from turncoat.cells.search import CELLS_AT_ONCE, MAX_REFERENCE
from turncoat.cells.split import (
    CANDIDATE,
    MALIGNANT,
    reference_order,
    split_malignant,
)
from turncoat.cells.stream import Caller
from turncoat.cells.study import study_annotator, study_labels, study_markers, study_plan
from turncoat.study import TallyPlan
from turncoat.study.relabel import named_plan, room_for_names
from turncoat.tables import IntArray
from turncoat.tally import kernels
from turncoat.tally.budget import Budget
from turncoat.tally.engine import count_plan, refuse_overflow
from turncoat.tally.fitness import without_removed
from turncoat.tally.groups import GroupSums
from turncoat.tally.held import HeldCells, unpack_cells
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.partial import PartialTally
from turncoat.tally.progress import Report
from turncoat.tally.scan import Accumulator, Job, Stage, default_threads

if TYPE_CHECKING:
    import anndata as ad

    from turncoat.study import Study


@dataclass(frozen=True, slots=True)
class Annotated:
    """What one pass over unlabelled cells gives.

    Parameters
    ----------
    annotation
        What the cells are.
    malignancy
        Which epithelial cells are malignant; None where copy number cannot be read.
    tally
        The cells counted by sample and population.
    """

    annotation: Annotation
    malignancy: Malignancy | None
    tally: "ad.AnnData"


def annotate_and_tally(
    plan: TallyPlan,
    annotator: Annotator,
    markers: MarkerSet,
    *,
    labels: list[pd.Series] | None = None,
    seed: int = 0,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
) -> Annotated:
    """Name every cell of a plan and count it under its name, in one pass over the files.

    Parameters
    ----------
    plan
        The cells; one population for all, so that each row is a sample.
    annotator
        Names the cells; see :func:`turncoat.cells.learn_annotator`.
    markers
        The markers that the annotation is accounted by.
    labels
        The user's own labels, in our words, to be put beside ours.
    seed
        For drawing the cells that tumour cells are compared with.
    threads, memory_limit, progress
        As in :func:`turncoat.tally.tally_plan`.

    Returns
    -------
    Annotated
        Annotation, malignancy and tally: the same as naming first and counting afterwards.

    Raises
    ------
    TurncoatError
        As :func:`turncoat.tally.tally_plan`, and when no cell could be named.
    """
    from turncoat.tally.build import build_tally

    n_threads = default_threads() if threads is None else threads
    naming = _Naming(plan, annotator, seed=seed, n_jobs=n_threads)
    budget = Budget.of(memory_limit, n_genes=len(plan.genes))
    partial = count_plan(
        naming.wide, budget=budget, threads=threads, progress=progress, first=naming.of
    )
    found = assemble(
        plan, markers, annotator, [one.calls for one in naming.callers], labels=labels, seed=seed
    )
    found, called = split_malignant(plan, found, seed=seed, gather=naming.counts_of)
    named = naming.finish(partial, found)
    tally = build_tally(named, partial, dense_bytes=budget.dense_bytes)
    return Annotated(found, called, tally)


def annotate_and_tally_study(
    study: "Study",
    *,
    seed: int,
    quality: Quality | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
) -> Annotated:
    """Name and count the cells of a study; what it asks is checked before they are read.

    Parameters
    ----------
    study
        The study; labels that it brings are put beside ours.
    seed
        For learning an annotator, where the study names none, and for drawing reference cells.
    quality
        Which cells are left out.
    threads, memory_limit, progress
        As in :func:`turncoat.tally.tally_plan`.

    Returns
    -------
    Annotated
        Annotation, malignancy and tally by our names.

    Raises
    ------
    TurncoatError
        When cells, labels, markers, contrasts or the annotator cannot be used.
    """
    plan = without_removed(study_plan(study), quality)
    study.check_contrasts(plan.rows)
    labels = study_labels(study, plan)
    markers = study_markers(study, plan)
    return annotate_and_tally(
        plan,
        study_annotator(study, plan, markers, seed=seed),
        markers,
        labels=labels,
        seed=seed,
        threads=threads,
        memory_limit=memory_limit,
        progress=progress,
    )


class _Naming:
    """What the namers of all sources share."""

    def __init__(self, plan: TallyPlan, annotator: Annotator, *, seed: int, n_jobs: int) -> None:
        self._plan, self._n_jobs = plan, n_jobs
        sizes = [source.n_cells for source in plan.sources]
        self._before = np.concatenate([[0], np.cumsum(sizes)])
        self.callers = [Caller(annotator, n, plan.genes.index) for n in sizes]
        known = self.callers[0].calls.names
        names = [name for name in known if name != UNASSIGNED]
        self.names = tuple(dict.fromkeys([*names, MALIGNANT]))
        self.wide = room_for_names(plan, len(self.names))
        self._held = HeldCells(reference_order(int(self._before[-1]), seed), MAX_REFERENCE)

    def of(self, source: int) -> Accumulator:
        """Give the namer of a source."""
        return _Namer(
            self.callers[source],
            self._plan.row_codes[source],
            self.wide.row_codes[source],
            self.names,
            self._held,
            int(self._before[source]),
            self._n_jobs,
        )

    def counts_of(self, numbers: IntArray) -> sp.csr_matrix:
        """Give the counts of cells that were held, by their numbers over all sources."""
        return unpack_cells(self._held.block(numbers), len(self._plan.genes))

    def finish(self, partial: PartialTally, found: Annotation) -> TallyPlan:
        """Add the cells that were held back, and leave out the rows that nobody is in."""
        held = self._held.candidates
        name = pd.Index(self.names).get_indexer(pd.Index(found.cells["population"]))
        sample = np.concatenate(self._plan.row_codes)
        codes = np.where((name < 0) | (sample < 0), -1, sample * len(self.names) + name)
        adding = GroupSums(
            codes[held],
            partial.pieces[0],
            partial,
            target_sum=float(self._plan.meta["target_sum"]),
            n_jobs=1,
        )
        for some in np.split(held, np.arange(CELLS_AT_ONCE, held.size, CELLS_AT_ONCE)):
            for stage in adding.adding(self._held.block(some), codes[some]):
                for job in stage:
                    job()
        named, kept = named_plan(self._plan, np.split(codes, self._before[1:-1]), self.names)
        refuse_overflow(named)
        partial.sums.renumber(kept)
        partial.n_cells = partial.n_cells[kept]
        return named


class _Namer:
    """Names the cells of one source and says which row each is added to."""

    def __init__(
        self,
        caller: Caller,
        samples: IntArray,
        codes: IntArray,
        names: Sequence[str],
        held: HeldCells,
        before: int,
        n_jobs: int,
    ) -> None:
        self._caller, self._samples, self._codes = caller, samples, codes
        self._held, self._before, self._n_jobs = held, before, n_jobs
        self._n_names = len(names)
        known = list(caller.calls.names)
        self._number = np.array([names.index(k) if k in names else -1 for k in known])
        self._candidate = known.index(CANDIDATE) if CANDIDATE in known else -1
        self._unsure = known.index(UNASSIGNED)

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Name the cells, shared out among jobs; then give each its row, or hold it back."""
        edges = np.linspace(0, block.n_cells, self._n_jobs + 1).astype(int).tolist()
        yield [self._job(block, a, b) for a, b in itertools.pairwise(edges) if b > a]
        rows = slice(block.start, block.start + block.n_cells)
        called, sample = self._caller.calls.population[rows], self._samples[rows]
        number = self._number[called]
        codes = np.where((number < 0) | (sample < 0), -1, sample * self._n_names + number)
        candidate = (called == self._candidate) & (sample >= 0)
        other = (called != self._candidate) & (called != self._unsure) & (sample >= 0)
        codes[self._held.hold(block, self._before + block.start, candidate, other)] = -1
        self._codes[rows] = codes

    def _job(self, block: PackedBlock, first: int, last: int) -> Job:
        caller = self._caller
        model = caller.reader

        def name() -> None:
            ledger = block.ledger[first:last]
            scores = np.empty((last - first, model.offset.size))
            picked = np.empty((last - first, caller.n_markers))
            kernels.score_cells(
                block.genes, block.counts, ledger, TARGET_SUM, caller.slots,
                model.weights, model.offset, scores, picked, caller.used,
                np.zeros(units.TABLE_SIZE), np.zeros(kernels.STRETCH + 1, dtype=np.int64),
            )  # fmt: skip
            depth = ledger[:, units.LIBRARY].astype(np.float64)
            caller.name(block.start + first, scores, picked, depth)

        return name
