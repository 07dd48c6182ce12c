"""The run's stage that says what the cells are, where the study does not, and counts them so."""

from typing import Any

from turncoat.pipeline.rooms.quality import measuring, removed, save_measured
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.study import Study
from turncoat.tally import Checkpoint, Progress
from turncoat.tally.annotated import annotate_and_tally_study


def _run(run: Run) -> None:
    def tell(now: Progress) -> None:
        run.progress.advance(
            now.cells_done, now.cells_total, f"{now.cells_per_second:,.0f} cells/s"
        )

    measured = measuring(run)
    made = annotate_and_tally_study(
        run.study,
        seed=run.seed,
        quality=removed(run),
        threads=run.threads,
        memory_limit=run.memory_limit,
        progress=tell,
        checkpoint=Checkpoint(run.scratch()),
        measuring=measured,
    )
    run.save("annotation", made.annotation)
    if made.malignancy is not None:
        run.save("annotation.malignant", made.malignancy)
    run.save_tally(made.tally, aside=True)
    save_measured(run, measured)


def _parameters(study: Study) -> dict[str, Any]:
    return {
        "about": study.about.model_dump(mode="json", include={"species", "kind", "synthetic"}),
        "cells": study.cells.model_dump(mode="json", exclude={"files", "labels", "label_map"}),
        "samples": study.samples.model_dump(mode="json", exclude={"sheet"}),
        "names": [path.name for path in study.files],
        "seek": list(study.annotation.seek),
    }


def _files(study: Study) -> list[Any]:
    own = (study.annotation.markers, study.annotation.annotator)
    return [*study.files, *(path for path in own if path is not None)]


def _skipped(study: Study) -> str:
    if study.cells.population is None:
        return ""
    return "the study brings populations of its own"


STAGE = Stage(
    name="annotation",
    run=_run,
    needs=("quality",),
    version=4,
    title="Naming and counting the cells",
    parameters=_parameters,
    inputs=_files,
    knowledge=("markers", "t_cells", "gene_positions", "gene_ids"),
    skipped=_skipped,
)
