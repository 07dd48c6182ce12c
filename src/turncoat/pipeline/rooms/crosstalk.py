"""The run's stage that asks which signals changed and who answers."""

from turncoat.allegiance import Allegiance
from turncoat.crosstalk import crosstalk
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts


def _run(run: Run) -> None:
    tally = run.tally()
    verdicts = run.results("allegiance", Allegiance)
    contrasts = run.contrasts()
    for number, (part, contrast) in enumerate(contrasts.items()):
        run.progress.advance(number, len(contrasts), contrast.label)
        table = verdicts[part].table
        # Without a switched population there is nobody to follow: then everybody is asked.
        switched = (table["verdict"] == "switched").any()
        found = crosstalk(
            tally,
            contrast,
            senders="switched" if switched else "all",
            allegiance=table if switched else None,
            key_added=None,
        )
        run.save(f"crosstalk.{part}", found)


STAGE = Stage(
    name="crosstalk",
    run=_run,
    needs=("tally", "allegiance"),
    version=1,
    title="Listening for signals",
    parameters=contrast_facts,
    knowledge=(
        "signals",
        "signal_effects",
        "machinery",
        "antagonists",
        "responses",
        "response_programmes",
    ),
    skipped=needs_contrasts,
)
