"""Naming the cells and counting them, in one pass over the files.

Each block of cells is named by the annotator as soon as it is unpacked, then added to the rows of
those names. Epithelial cells are held back until the pass is over: whether they are malignant is
told from all of them together, and only then are they added, where they belong.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from turncoat.cells import Annotation, Annotator, Malignancy, MarkerSet, Quality
from turncoat.cells.annotate import assemble
from turncoat.cells.split import split_malignant
from turncoat.cells.study import study_annotator, study_labels, study_markers, study_plan
from turncoat.study import TallyPlan
from turncoat.tally.budget import Budget
from turncoat.tally.checkpoint import Checkpoint
from turncoat.tally.engine import count_plan
from turncoat.tally.fitness import without_removed
from turncoat.tally.measuring import Measuring, Together
from turncoat.tally.naming import Naming
from turncoat.tally.progress import Report
from turncoat.tally.scan import default_threads

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
    checkpoint: Checkpoint | None = None,
    measuring: Measuring | None = None,
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
    threads, memory_limit, progress, checkpoint
        As in :func:`turncoat.tally.tally_plan`.
    measuring
        Measures the cells' quality in the same pass.

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
    naming = Naming(plan, annotator, seed=seed, n_jobs=n_threads, checkpoint=checkpoint)
    budget = Budget.of(memory_limit, n_genes=len(plan.genes))
    partial = count_plan(
        naming.wide,
        budget=budget,
        threads=threads,
        progress=progress,
        checkpoint=checkpoint,
        first=naming if measuring is None else Together(measuring, naming),
    )
    found = assemble(
        plan, markers, annotator, [one.calls for one in naming.callers], labels=labels, seed=seed
    )
    found, called = split_malignant(plan, found, seed=seed, gather=naming.logged, threads=n_threads)
    named = naming.finish(partial, found)
    tally = build_tally(named, partial, dense_bytes=budget.dense_bytes)
    naming.remove()
    return Annotated(found, called, tally)


def annotate_and_tally_study(
    study: "Study",
    *,
    seed: int,
    quality: Quality | None = None,
    threads: int | None = None,
    memory_limit: int | None = None,
    progress: Report | None = None,
    checkpoint: Checkpoint | None = None,
    measuring: Measuring | None = None,
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
    threads, memory_limit, progress, checkpoint
        As in :func:`turncoat.tally.tally_plan`.
    measuring
        Measures the cells' quality in the same pass.

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
        checkpoint=checkpoint,
        measuring=measuring,
    )
