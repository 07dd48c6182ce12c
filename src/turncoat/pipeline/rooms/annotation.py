"""The run's stage that says what the cells are, where the study does not."""

from typing import Any

from turncoat.cells.study import annotate_study
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.study import Study


def _run(run: Run) -> None:
    found, called = annotate_study(run.study)
    run.save("annotation", found)
    if called is not None:
        run.save("annotation.malignant", called)


def _parameters(study: Study) -> dict[str, Any]:
    return {
        "about": study.about.model_dump(mode="json", include={"species", "kind"}),
        "cells": study.cells.model_dump(mode="json", exclude={"files", "labels", "label_map"}),
        "samples": study.samples.model_dump(mode="json", exclude={"sheet"}),
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
    version=1,
    title="Saying what the cells are",
    parameters=_parameters,
    inputs=_files,
    knowledge=("markers", "t_cells", "gene_positions", "gene_ids"),
    skipped=_skipped,
)
