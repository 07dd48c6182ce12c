"""The outcome and therapy sections of the report, and the choice of what is asked."""

import dataclasses
from typing import Any

import anndata as ad
import pandas as pd
import pytest

from turncoat.outcome import Outcome
from turncoat.outcome import result as tables
from turncoat.pipeline.rooms import outcome as stage
from turncoat.pipeline.rooms import therapy as therapy_stage
from turncoat.report.sections import outcome as outcome_page
from turncoat.report.sections import therapy as therapy_page
from turncoat.study.form import CohortForm
from turncoat.tables import TableSchema
from turncoat.therapy import Therapy, therapy


@dataclasses.dataclass
class Found:
    """Material of one result."""

    kept: dict[str, Any]

    def results(self, room: str, cls: type[Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"": self.kept[room]} if room in self.kept else {}


def row(schema: TableSchema, **values: Any) -> pd.DataFrame:
    default = {"text": "", "whole": 1, "real": 1.0, "flag": True}
    filled = {column.name: default[column.kind] for column in schema.columns}
    return schema.build([filled | values])


@pytest.fixture
def worse() -> Outcome:
    who = {"signature": "Treg, state", "cohort": "c"}
    effect = {"hr": 1.5, "low": 1.2, "high": 1.9, "model": "adjusted", "stratum": "all patients"}
    pooled = {"hr": 1.5, "low": 1.2, "high": 1.9, "n_patients": 400, "n_events": 120}
    return Outcome(
        table=row(
            tables.POOLED,
            signature="Treg, state",
            stratum="all patients",
            verdict="worse",
            status="tested",
            **pooled,
        ),
        effects=row(tables.EFFECTS, **who, **effect, status="tested"),
        sight=row(tables.SIGHT, **who, status="tested", endpoint="overall survival"),
        genes=row(tables.SIGNATURE_GENES, signature="Treg, state", gene="CCR8", reason=""),
        resolution=row(tables.COHORT_RESOLUTION, cohort="c", population="Treg"),
        random=tables.RANDOM.build(
            {"signature": ["Treg, state"] * 3, "stratum": ["all patients"] * 3, "draw": [-1, 0, 1], "z": [3.0, 0.1, -0.4]}
        ),
        curves=tables.CURVES.build(
            {
                "signature": ["Treg, state"] * 2, "cohort": ["c"] * 2, "third": ["low", "high"],
                "time": [10.0, 12.0], "n_at_risk": [5, 4], "survival": [0.8, 0.5],
            }
        ),
        dropped=pd.DataFrame({"cohort": [], "what": [], "name": [], "reason": []}, dtype=str),
        params={"all_patients": "all patients", "cohorts": {"c": "a cohort"}, "smallest_hr": 1.25},
    )  # fmt: skip


def test_the_outcome_section_says_what_was_found(worse: Outcome) -> None:
    section = outcome_page.section(Found({"outcome": worse}))  # type: ignore[arg-type]
    assert section is not None
    claim = section.claims[0]
    assert (claim.verdict, claim.evidence[0].bearing) == ("worse", "supports")
    assert claim.evidence[0].direction == "pro-tumour"
    assert "1.50 per standard deviation (1.20 to 1.90), 120 events" in claim.sentence
    assert "does not show that the cells are the cause" in claim.plain
    assert "gathered for other questions" in section.lead
    assert len(section.figures) == 3
    assert outcome_page.section(Found({})) is None  # type: ignore[arg-type]


def test_the_therapy_section_offers_experiments_only() -> None:
    edges = pd.DataFrame(
        [
            {
                "sender": "NK",
                "ligand": "WNT2",
                "receiver": "Malignant",
                "receptor": "FZD5",
                "verdict": "gained",
            }
        ]
    )
    found = therapy(ad.AnnData(), edges=edges, cancer="triple-negative breast cancer")
    section = therapy_page.section(Found({"therapy": found}))  # type: ignore[arg-type]
    assert section is not None
    assert "none approved for triple-negative breast cancer" in section.lead
    assert "not a treatment" in section.lead
    assert section.tables[0].frame["drug"].iloc[0] == "LGK974, inhibitor"
    nothing = Therapy(
        found.table.iloc[:0], found.combinations.iloc[:0], found.unreached.iloc[:0], found.params
    )
    empty = therapy_page.section(Found({"therapy": nothing}))  # type: ignore[arg-type]
    assert empty is not None
    assert empty.lead.startswith("Nothing to cut")


@dataclasses.dataclass
class Asked:
    """The part of an allegiance that the stage reads."""

    table: pd.DataFrame


def test_switched_populations_are_asked_or_else_the_nearest() -> None:
    table = pd.DataFrame(
        {
            "population": ["NK", "Treg", "B"],
            "verdict": ["inconclusive", "switched", "loyal"],
            "status": "tested",
            "pvalue": [0.2, 0.001, 0.9],
        }
    )
    assert stage.asked_populations({"a": Asked(table)}) == {"Treg": "switched sides"}  # type: ignore[dict-item]
    table.loc[1, "verdict"] = "inconclusive"
    nearest = stage.asked_populations({"a": Asked(table)})  # type: ignore[dict-item]
    assert list(nearest) == ["Treg", "NK", "B"]
    assert nearest["NK"].endswith("was not shown")


@dataclasses.dataclass
class About:
    species: str | None


@dataclasses.dataclass
class FakeStudy:
    cohorts: tuple[CohortForm, ...]
    contrasts: tuple[str, ...]
    about: About


@pytest.mark.parametrize(
    ("cohorts", "contrasts", "species", "reason"),
    [
        ((), ("a",), None, "names no cohort"),
        ((CohortForm(name="gse1992"),), (), None, "names no contrast"),
        ((CohortForm(name="gse1992"),), ("a",), "mouse", "the study is of mice"),
        ((CohortForm(name="gse1992"),), ("a",), "human", ""),
    ],
)
def test_the_stage_says_why_it_has_nothing_to_do(
    cohorts: tuple[CohortForm, ...], contrasts: tuple[str, ...], species: str | None, reason: str
) -> None:
    study: Any = FakeStudy(cohorts, contrasts, About(species))
    told = stage.STAGE.skipped(study)
    assert reason in told
    assert bool(told) == bool(reason)
    if species == "mouse":
        assert "mice" in therapy_stage.STAGE.skipped(study)


def test_edges_that_are_no_human_genes_are_not_looked_up() -> None:
    told = {"sender": "NK", "receiver": "T", "tissue": "", "verdict": "gained", "rank": 1}
    told |= {"effect": "unknown", "effect_checked": ""}
    pairs = [("WNT2", "FZD5_LRP6"), ("Wnt2", "Fzd5"), ("", "FZD5")]
    table = pd.DataFrame([told | {"ligand": a, "receptor": b} for a, b in pairs])
    run: Any = Found({"crosstalk": Asked(table)})
    edges = therapy_stage.gained_edges(run)
    assert edges["ligand"].tolist() == (["WNT2"] if therapy_stage.HAS_EDGES else [])
