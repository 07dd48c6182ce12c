"""The run's stage that asks patient cohorts what the switched states cost."""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from turncoat.allegiance import Allegiance
from turncoat.errors import DroppedDataWarning
from turncoat.knowledge.registry import read_table
from turncoat.outcome import Cohort, Signature, cohort, outcome, read_cohort, signature
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.study import Study

#: Without a switched population, so many of those nearest to it are asked, and said to be.
MAX_UNSWITCHED = 3


def _run(run: Run) -> None:
    tally = run.tally()
    options = run.study.outcome
    signatures = [
        each
        for population, origin in asked_populations(run.results("allegiance", Allegiance)).items()
        for each in _signatures(tally, population, origin, options.unmeasured)
    ]
    found = outcome(
        tally,
        signatures=signatures,
        cohorts=_cohorts(run.study),
        smallest_hr=options.smallest_hr,
        min_coverage=options.min_coverage,
        n_random=options.random_signatures,
        seed=run.seed,
        key_added=None,
    )
    run.save("outcome", found)


def asked_populations(found: dict[str, Allegiance]) -> dict[str, str]:
    """Choose the populations whose state is asked for, and say why each is."""
    tables = [result.table for result in found.values()]
    table = pd.concat(tables) if tables else pd.DataFrame(columns=["population", "verdict"])
    switched = dict.fromkeys(
        table.loc[table["verdict"] == "switched", "population"], "switched sides"
    )
    if switched:
        return {str(name): reason for name, reason in switched.items()}
    tested = table[table["status"] == "tested"].sort_values("pvalue")
    nearest = list(dict.fromkeys(tested["population"]))[:MAX_UNSWITCHED]
    return dict.fromkeys(map(str, nearest), "nearest to a switch, which was not shown")


def _signatures(tally: Any, population: str, origin: str, unmeasured: Any) -> list[Signature]:
    """Make the scores of a population: how much of it there is, and its pro-tumour state."""
    abundance = signature(
        tally, population=population, name=f"{population}, abundance", origin=origin
    )
    canonical = read_table("populations").set_index("population")["programme"].to_dict()
    programmes = read_table("programmes")
    programme = canonical.get(population, "")
    own = programmes[(programmes["population"] == programme) & (programmes["species"] == "human")]
    if own.empty:
        return [abundance]
    signs = own["axis"].map({"pro_tumour": 1.0, "anti_tumour": -1.0})
    genes = dict(zip(own["gene"], signs, strict=True))
    state = signature(
        tally,
        population=population,
        genes=genes,
        name=f"{population}, state",
        unmeasured=unmeasured,
        origin=f"{origin}; harm less duty genes of its programme",
    )
    return [state, abundance]


def _cohorts(study: Study) -> list[Cohort]:
    cohorts = []
    for form in study.cohorts:
        with warnings.catch_warnings():
            # What a cohort left out is in the findings and on the page.
            warnings.simplefilter("ignore", DroppedDataWarning)
            cohorts.append(cohort(form.name) if form.name else read_cohort(str(form.file)))
    return cohorts


def _skipped(study: Study) -> str:
    if not study.cohorts:
        return "the study names no cohort: add [[cohorts]] to the study file"
    if not study.contrasts:
        return "the study names no contrast, so no state is known to ask for"
    if study.about.species == "mouse":
        return "the cohorts are human and the study is of mice: their genes are not matched"
    return ""


def _parameters(study: Study) -> dict[str, Any]:
    return {
        "cohorts": [form.model_dump(mode="json", include={"name"}) for form in study.cohorts],
        "options": study.outcome.model_dump(mode="json"),
    }


def _inputs(study: Study) -> list[Path]:
    files = []
    for form in study.cohorts:
        if form.file is not None:
            folder = Path(form.file)
            files += sorted(path for path in folder.parent.iterdir() if path.is_file())
    return files


STAGE = Stage(
    name="outcome",
    run=_run,
    needs=("tally", "allegiance"),
    version=1,
    title="Asking cohorts what it costs",
    parameters=_parameters,
    inputs=_inputs,
    knowledge=("programmes", "populations", "probe_symbols"),
    skipped=_skipped,
)
