"""The run's stage that looks for states within populations."""

import warnings
from typing import Any

from turncoat.allegiance import Substates, substates
from turncoat.cells import Annotation
from turncoat.cells.drawn import draw_populations
from turncoat.errors import DesignError, DesignWarning, DroppedDataWarning
from turncoat.knowledge.vocabulary import match_population
from turncoat.pipeline.findings import slug
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, contrast_facts
from turncoat.study import Study, TallyPlan


def _run(run: Run) -> None:
    study, options = run.study, run.study.states
    labels = None
    if "annotation" in run.done and "annotation" not in run.skipped:
        labels = run.result("annotation", Annotation).cell_labels()
    with warnings.catch_warnings():
        # Said already by the tally.
        warnings.simplefilter("ignore", DesignWarning)
        warnings.simplefilter("ignore", DroppedDataWarning)
        plan = study.plan(labels)
    wanted = _populations(plan, options.populations)
    cells = draw_populations(plan, wanted, max_cells=options.max_cells, seed=run.seed)
    for number, population in enumerate(wanted):
        run.progress.advance(number, len(wanted), population)
        try:
            found = substates(
                cells,
                tuple(study.contrasts.values()),
                population=population,
                n_states=options.n_states,
                abundance_refused=_why_no_shares(study, population),
                fdr=study.fdr,
                seed=run.seed,
            )
        except DesignError as error:
            # Too few donors is an answer, and the report gives it.
            found = Substates.refused(population, str(error))
        run.save(f"states.{slug(population)}", found)


def _populations(plan: TallyPlan, chosen: tuple[str, ...]) -> list[str]:
    """Find the study's labels of the populations that were asked for, in that order."""
    labels = sorted(set(plan.rows["population"].astype(str)))
    meant = {label: match_population(label).population for label in labels}
    found = [label for name in chosen for label in labels if name in (label, meant[label])]
    return list(dict.fromkeys(found))


def _why_no_shares(study: Study, population: str) -> str:
    """Say why shares within a population mean nothing in a study, if they do."""
    if study.about.kind == "sorted":
        return "the study declares its cells as sorted: shares say how"
    pooled = [old for old, new in study.cells.label_map.items() if new == population]
    if study.about.kind == "subsampled" and len(pooled) > 1:
        return (
            f"the study declares its cells as subsampled and pools {len(pooled)} labels as "
            f"{population}: shares within it say how many cells were drawn of each"
        )
    return ""


def _parameters(study: Study) -> dict[str, Any]:
    return {
        **contrast_facts(study),
        "states": study.states.model_dump(mode="json"),
        "about": study.about.model_dump(mode="json", include={"species", "kind"}),
        "label_map": dict(study.cells.label_map),
    }


def _skipped(study: Study) -> str:
    if study.states.populations:
        return ""
    return "the study asks for no population: [states] populations = ['NK', …]"


STAGE = Stage(
    name="states",
    run=_run,
    needs=("annotation", "tally"),
    version=2,
    title="Looking for states within populations",
    parameters=_parameters,
    inputs=lambda study: study.files,
    knowledge=("markers", "programmes", "populations"),
    skipped=_skipped,
)
