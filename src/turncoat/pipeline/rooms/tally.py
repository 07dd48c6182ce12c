"""The run's stage that passes over the cells, once."""

from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.tally import Checkpoint, Progress, tally_plan


def _run(run: Run) -> None:
    def tell(now: Progress) -> None:
        run.progress.advance(
            now.cells_done, now.cells_total, f"{now.cells_per_second:,.0f} cells/s"
        )

    tally = tally_plan(
        run.study.plan(),
        threads=run.threads,
        memory_limit=run.memory_limit,
        progress=tell,
        checkpoint=Checkpoint(run.scratch()),
    )
    run.save_tally(tally)


STAGE = Stage(
    name="tally",
    run=_run,
    version=1,
    title="Tallying cells",
    parameters=lambda study: study.tally_parameters(),
    inputs=lambda study: study.files(),
    knowledge=("gene_ids",),
)
