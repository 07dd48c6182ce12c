"""The run's stage that asks which populations switched sides."""

from typing import Any

from turncoat.allegiance import allegiance
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts
from turncoat.study import Study


def _run(run: Run) -> None:
    tally = run.tally()
    contrasts = run.contrasts()
    for number, (part, contrast) in enumerate(contrasts.items()):
        run.progress.advance(number, len(contrasts), contrast.label)
        result = allegiance(
            tally,
            contrast,
            fdr=run.study.fdr,
            test=run.study.allegiance.test,
            seed=run.seed,
            key_added=None,
        )
        run.save(f"allegiance.{part}", result)


def _parameters(study: Study) -> dict[str, Any]:
    return {**contrast_facts(study), "options": study.allegiance.model_dump(mode="json")}


STAGE = Stage(
    name="allegiance",
    run=_run,
    needs=("tally",),
    version=6,
    title="Judging allegiance",
    parameters=_parameters,
    knowledge=("programmes", "populations"),
    skipped=needs_contrasts,
)
