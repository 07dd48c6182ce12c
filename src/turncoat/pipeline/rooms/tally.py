"""The run's stage that counts the cells, unless they were counted while they were named."""

from typing import Any

from turncoat.pipeline.rooms.quality import measuring, removed, save_measured
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.study import Study
from turncoat.tally import Checkpoint, Progress, tally_plan
from turncoat.tally.fitness import without_removed


def _run(run: Run) -> None:
    def tell(now: Progress) -> None:
        run.progress.advance(
            now.cells_done, now.cells_total, f"{now.cells_per_second:,.0f} cells/s"
        )

    if "annotation" in run.done and "annotation" not in run.skipped:
        # Counted in the pass that named the cells.
        run.take_tally_aside()
        return
    measured = measuring(run)
    tally = tally_plan(
        without_removed(run.study.plan(), removed(run)),
        threads=run.threads,
        memory_limit=run.memory_limit,
        progress=tell,
        checkpoint=Checkpoint(run.scratch()),
        first=measured,
    )
    run.save_tally(tally)
    save_measured(run, measured)


def _parameters(study: Study) -> dict[str, Any]:
    # Where files lie does not matter, what they hold does: their content is in the key.
    return {
        "about": study.about.model_dump(mode="json", include={"species", "kind", "synthetic"}),
        "cells": study.cells.model_dump(mode="json", exclude={"files", "labels"}),
        "samples": study.samples.model_dump(mode="json", exclude={"sheet"}),
        "names": [path.name for path in study.files],
    }


STAGE = Stage(
    name="tally",
    run=_run,
    needs=("quality", "annotation"),
    version=3,
    title="Tallying cells",
    parameters=_parameters,
    inputs=lambda study: study.files,
    knowledge=("gene_ids",),
    seeded=False,
)
