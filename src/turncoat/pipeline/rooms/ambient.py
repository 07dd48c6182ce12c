"""The run's stage that asks which populations hold genes of others: ambient RNA."""

from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.tally.ambient import ambient


def _run(run: Run) -> None:
    run.save("ambient", ambient(run.tally()))


STAGE = Stage(
    name="ambient",
    run=_run,
    needs=("tally",),
    version=1,
    title="Looking for ambient RNA",
    knowledge=("markers", "populations"),
    seeded=False,
)
