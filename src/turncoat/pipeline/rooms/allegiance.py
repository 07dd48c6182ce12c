"""The run's stage that asks which populations switched sides."""

from turncoat.allegiance import allegiance
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts


def _run(run: Run) -> None:
    tally = run.tally()
    contrasts = run.contrasts()
    for number, (part, contrast) in enumerate(contrasts.items()):
        run.progress.advance(number, len(contrasts), contrast.label)
        result = allegiance(tally, contrast, fdr=run.study.fdr, seed=run.seed, key_added=None)
        run.save(f"allegiance.{part}", result)


STAGE = Stage(
    name="allegiance",
    run=_run,
    needs=("tally",),
    version=4,
    title="Judging allegiance",
    parameters=contrast_facts,
    knowledge=("programmes", "populations"),
    skipped=needs_contrasts,
)
