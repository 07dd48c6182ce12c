"""The run's stage that says what the design can show."""

from turncoat.allegiance import reach
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts


def _run(run: Run) -> None:
    tally = run.tally()
    for part, contrast in run.contrasts().items():
        run.save(f"reach.{part}", reach(tally, contrast, fdr=run.study.fdr, key_added=None))


STAGE = Stage(
    name="reach",
    run=_run,
    needs=("tally",),
    version=2,
    title="Asking what these donors can show",
    parameters=contrast_facts,
    knowledge=("programmes", "populations"),
    skipped=needs_contrasts,
)
