"""The run's stage that compares how common populations are."""

import warnings

from turncoat.errors import DesignWarning
from turncoat.niche import abundance
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts


def _run(run: Run) -> None:
    tally = run.tally()
    for part, contrast in run.contrasts().items():
        with warnings.catch_warnings():
            # The refusal of a subsampled study is a row of the result and of the report.
            warnings.simplefilter("ignore", DesignWarning)
            found = abundance(tally, contrast, seed=run.seed, key_added=None)
        run.save(f"abundance.{part}", found)


STAGE = Stage(
    name="abundance",
    run=_run,
    needs=("tally",),
    version=1,
    title="Comparing how common populations are",
    parameters=contrast_facts,
    knowledge=("populations",),
    skipped=needs_contrasts,
)
