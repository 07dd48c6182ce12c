"""The run's stage that puts the answers of several studies together."""

from typing import TYPE_CHECKING, Any

from turncoat.allegiance import Allegiance, allegiance
from turncoat.allegiance.pool import pool
from turncoat.errors import StudyError, TurncoatError
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts, needs_contrasts
from turncoat.stats import Contrast
from turncoat.study import Study
from turncoat.study.others import OtherStudyForm, read_tally

if TYPE_CHECKING:
    import anndata as ad


def _run(run: Run) -> None:
    own, titles, contrasts = run.results("allegiance", Allegiance), run.titles(), run.contrasts()
    asked = {part: {run.study.title: own[part]} for part in contrasts}
    others = run.study.studies
    for number, other in enumerate(others):
        run.progress.advance(number, len(others), other.name)
        tally = read_tally(other.tally)
        for part, contrast in contrasts.items():
            worded = other.contrasts.get(titles[part])
            question = worded.contrast if worded else contrast
            asked[part][other.name] = _ask(run, other, tally, question)
    for part, results in asked.items():
        run.save(f"pool.{part}", pool(results))


def _ask(run: Run, other: OtherStudyForm, tally: "ad.AnnData", contrast: Contrast) -> Allegiance:
    try:
        return allegiance(
            tally,
            contrast,
            fdr=run.study.fdr,
            test=run.study.allegiance.test,
            seed=run.seed,
            key_added=None,
        )
    except TurncoatError as error:
        raise StudyError(
            f"[[studies]] '{other.name}' cannot be asked '{contrast.label}': {error} Where its "
            'labels differ, say so under [studies.contrasts."…"]; docs/how-to/pool-studies.md shows how.'
        ) from error


def _parameters(study: Study) -> dict[str, Any]:
    worded = {
        other.name: {name: form.model_dump(mode="json") for name, form in other.contrasts.items()}
        for other in study.studies
    }
    options = study.allegiance.model_dump(mode="json")
    return {**contrast_facts(study), "title": study.title, "studies": worded, "options": options}


def _skipped(study: Study) -> str:
    if not study.studies:
        return "no other study was given: add [[studies]] to the study file"
    return needs_contrasts(study)


STAGE = Stage(
    name="pool",
    run=_run,
    needs=("allegiance",),
    title="Putting studies together",
    parameters=_parameters,
    inputs=lambda study: [other.tally for other in study.studies],
    knowledge=("programmes", "populations"),
    skipped=_skipped,
)
