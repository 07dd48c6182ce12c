"""The run's stage that looks at the quality of the cells, and says who is left out.

Where nobody is left out, the files are not read for it: the cells are measured while they are
counted, and the stage that does so saves what was found.
"""

import warnings
from typing import Any

from turncoat.cells import Quality
from turncoat.cells.study import study_plan
from turncoat.errors import TurncoatWarning
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.study import Study, TallyPlan
from turncoat.tally import Progress
from turncoat.tally.fitness import quality_of_plan
from turncoat.tally.measuring import Measuring


def _run(run: Run) -> None:
    def tell(now: Progress) -> None:
        run.progress.advance(
            now.cells_done, now.cells_total, f"{now.cells_per_second:,.0f} cells/s"
        )

    if by_the_way(run.study):
        return
    chosen = run.study.quality
    found = quality_of_plan(
        _plan(run.study),
        remove=chosen.remove,
        deviations=chosen.deviations,
        empty=chosen.empty,
        doublets=chosen.doublets,
        seed=run.seed,
        threads=run.threads,
        memory_limit=run.memory_limit,
        progress=tell,
    )
    run.save("quality", found)


def by_the_way(study: Study) -> bool:
    """Say whether the cells are measured while they are counted: nobody is left out for it."""
    return not study.quality.remove and not study.quality.doublets


def measuring(run: Run) -> Measuring | None:
    """Give what measures the cells by the way; None where they were measured before."""
    return Measuring(_plan(run.study), threads=run.threads) if by_the_way(run.study) else None


def removed(run: Run) -> Quality | None:
    """Give who is left out; None where nobody is."""
    return None if by_the_way(run.study) else run.result("quality", Quality)


def save_measured(run: Run, measured: Measuring | None) -> None:
    """Save what was found by the way."""
    if measured is not None:
        chosen = run.study.quality
        run.save("quality", measured.judge(deviations=chosen.deviations, empty=chosen.empty))


def _plan(study: Study) -> TallyPlan:
    """Check all that the study says, then plan its samples; who counts the cells warns of what."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TurncoatWarning)
        plan = study.plan()
        return plan if study.cells.population is None else study_plan(study)


def _parameters(study: Study) -> dict[str, Any]:
    return {
        "about": study.about.model_dump(mode="json", include={"species", "kind"}),
        "cells": study.cells.model_dump(
            mode="json", exclude={"files", "labels", "label_map", "population"}
        ),
        "samples": study.samples.model_dump(mode="json", exclude={"sheet"}),
        "quality": study.quality.model_dump(mode="json"),
        "names": [path.name for path in study.files],
    }


STAGE = Stage(
    name="quality",
    run=_run,
    version=2,
    title="Looking at the cells' quality",
    parameters=_parameters,
    inputs=lambda study: study.files,
    knowledge=("markers", "gene_ids"),
)
