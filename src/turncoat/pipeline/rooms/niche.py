"""The run's stage that goes organ by organ."""

from typing import Any

from turncoat.allegiance import axis_scores
from turncoat.niche import niche
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts
from turncoat.study import Study
from turncoat.tally import layout


def _organs(study: Study) -> dict[str, str]:
    return {
        contrast.case: contrast.reference
        for contrast in study.contrasts.values()
        if contrast.variable == layout.TISSUE
    }


def _run(run: Run) -> None:
    tally = run.tally()
    scores = axis_scores(tally, key_added=None)
    run.save("axis_scores", scores)
    found = niche(
        tally,
        _organs(run.study),
        scores=scores.table,
        batch_key=run.study.niche.batch,
        fdr=run.study.fdr,
        seed=run.seed,
        key_added=None,
    )
    run.save("niche", found)


def _parameters(study: Study) -> dict[str, Any]:
    return {**contrast_facts(study), "options": study.niche.model_dump(mode="json")}


def _skipped(study: Study) -> str:
    if _organs(study):
        return ""
    return "No contrast compares a tissue with the healthy or adjacent tissue of its organ."


STAGE = Stage(
    name="niche",
    run=_run,
    needs=("tally",),
    version=4,
    title="Going organ by organ",
    parameters=_parameters,
    knowledge=("programmes", "populations"),
    skipped=_skipped,
)
