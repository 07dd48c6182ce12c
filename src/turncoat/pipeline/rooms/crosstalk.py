"""The run's stage that asks which signals changed and who answers."""

from pathlib import Path
from typing import Any

from turncoat.allegiance import Allegiance
from turncoat.crosstalk import crosstalk
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts
from turncoat.study import Study


def _run(run: Run) -> None:
    tally, options = run.tally(), run.study.crosstalk
    verdicts = run.results("allegiance", Allegiance)
    names = dict(zip(run.contrasts(), run.study.contrasts, strict=True))
    asked = {
        part: contrast
        for part, contrast in run.contrasts().items()
        if not options.contrasts or names[part] in options.contrasts
    }
    for number, (part, contrast) in enumerate(asked.items()):
        run.progress.advance(number, len(asked), contrast.label)
        table = verdicts[part].table
        senders: Any = options.senders
        if senders == "switched":
            # Without a switched population there is nobody to follow: then everybody is asked.
            senders = table if (table["verdict"] == "switched").any() else "all"
        found = crosstalk(
            tally,
            contrast,
            senders=senders,
            receivers=options.receivers,
            pairs=run.study.pairs(),
            min_cells=options.min_cells,
            min_donors=options.min_donors,
            min_detection=options.min_detection,
            ambient=options.ambient,
            fdr=_fdr(run.study),
            n_permutations=options.permutations,
            key_added=None,
        )
        run.save(f"crosstalk.{part}", found)


def _fdr(study: Study) -> float:
    return study.fdr if study.crosstalk.fdr is None else study.crosstalk.fdr


def _parameters(study: Study) -> dict[str, Any]:
    options = study.crosstalk.model_dump(mode="json", exclude={"pairs"})
    return {**contrast_facts(study), "options": options, "fdr": _fdr(study)}


def _inputs(study: Study) -> list[Path]:
    return [] if study.crosstalk.pairs is None else [study.crosstalk.pairs]


STAGE = Stage(
    name="crosstalk",
    run=_run,
    needs=("tally", "allegiance"),
    version=5,
    title="Listening for signals",
    parameters=_parameters,
    inputs=_inputs,
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
