"""The run's stage that looks up where findings could be cut."""

import importlib
from importlib.util import find_spec
from typing import Any

import pandas as pd

from turncoat.allegiance import Allegiance
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage, needs_contrasts
from turncoat.study import Study
from turncoat.therapy import therapy
from turncoat.therapy.catalogue import is_gene

#: Edges looked up per contrast, best supported first.
MAX_EDGES = 40
#: Whether the run listens for signals at all.
HAS_EDGES = find_spec("turncoat.pipeline.rooms.crosstalk") is not None
EDGE = ["sender", "receiver", "ligand", "receptor", "tissue", "verdict", "effect", "effect_checked"]


def _run(run: Run) -> None:
    found = therapy(
        run.tally(),
        edges=gained_edges(run),
        switched=_switched(run),
        cancer=run.study.therapy.cancer,
        key_added=None,
    )
    run.save("therapy", found)


def gained_edges(run: Run) -> pd.DataFrame:
    """Take the edges that were gained in any contrast, best supported first."""
    tables = [pd.DataFrame(columns=EDGE)]
    if HAS_EDGES:
        crosstalk = importlib.import_module("turncoat.crosstalk").Crosstalk
        for result in run.results("crosstalk", crosstalk).values():
            gained = result.table[result.table["verdict"] == "gained"].sort_values("rank")
            tables.append(gained[EDGE].head(MAX_EDGES))
    edges = pd.concat(tables, ignore_index=True)
    # Pairs of a collection that are no human genes cannot be looked up; they are not an error.
    human = pd.Series(
        [
            all(is_gene(gene) for gene in f"{ligand}_{receptor}".split("_"))
            for ligand, receptor in zip(edges["ligand"], edges["receptor"], strict=True)
        ],
        dtype=bool,
    )
    return edges[human].reset_index(drop=True)


def _switched(run: Run) -> list[str]:
    found = run.results("allegiance", Allegiance).values()
    names = [
        str(name)
        for result in found
        for name in result.table.loc[result.table["verdict"] == "switched", "population"]
    ]
    return list(dict.fromkeys(names))


def _parameters(study: Study) -> dict[str, Any]:
    return {"cancer": study.therapy.cancer, "edges": HAS_EDGES}


def _skipped(study: Study) -> str:
    if study.about.species == "mouse":
        return "the drug tables are about human genes and the study is of mice"
    return needs_contrasts(study)


STAGE = Stage(
    name="therapy",
    run=_run,
    needs=("tally", "allegiance", *(("crosstalk",) if HAS_EDGES else ())),
    version=2,
    title="Looking up what would cut it",
    parameters=_parameters,
    knowledge=("drugs_own", "drugs_guide", "drug_cuts"),
    skipped=_skipped,
)
