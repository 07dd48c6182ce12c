"""The stage and the section of crosstalk, on a planted study with known truth."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

import turncoat as tc
from turncoat.crosstalk import Crosstalk, crosstalk
from turncoat.crosstalk.summary import served, shown_by
from turncoat.pipeline.rooms.crosstalk import STAGE
from turncoat.report.sections.crosstalk import _direction, section
from turncoat.study.planted import Edge, Plan

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

CONTRAST = tc.Contrast("condition", "case", "control")
PLAN = Plan(
    switches=(),
    edges=(Edge("Macrophage", "IL1B", "Fibroblast", "IL1R1_IL1RAP", "NFKB", 2.5),),
    shifts=(),
)


@dataclass
class Paper:
    found: dict[str, Crosstalk]

    def results(self, room: str, cls: type[Any]) -> dict[str, Any]:
        assert (room, cls) == ("crosstalk", Crosstalk)
        return self.found

    def titles(self) -> dict[str, str]:
        return dict.fromkeys(self.found, "Case vs control")


@pytest.fixture(scope="module")
def result() -> Crosstalk:
    cells = tc.ds.planted(
        n_donors=8, n_controls=8, cells_per_donor=700, n_genes=900, plan=PLAN, seed=1
    )
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        condition_key="condition",
        population_key="population",
    )
    return crosstalk(tally, CONTRAST, senders=["Macrophage"], n_permutations=99)


def test_section_tells_what_was_planted(result: Crosstalk) -> None:
    written = section(Paper({"one": result}))  # type: ignore[arg-type]
    assert written is not None
    assert "IL1B" in written.lead
    claims = [
        claim for claim in written.claims if "IL1B → IL1R1_IL1RAP · Fibroblast" in claim.subject
    ]
    assert [claim.verdict for claim in claims] == ["heard"]
    assert [rung.bearing for rung in claims[0].evidence] == ["supports", "supports"]
    assert claims[0].grade == "moderate"
    assert "q =" in claims[0].sentence
    assert not set(claims[0].plain) & set("=→·")
    assert len(written.figures) == 3
    assert len(written.tables[0].frame) <= 25
    assert written.notes


def test_signals_are_told_once_with_true_minus_and_whom_they_serve(result: Crosstalk) -> None:
    written = section(Paper({"one": result}))  # type: ignore[arg-type]
    assert written is not None
    signals = [
        claim.subject.split(" → ")[0] + claim.subject.split(" · ")[-1] for claim in written.claims
    ]
    assert len(set(signals)) == len(signals)
    for claim in written.claims:
        assert not re.search(r"(?<![\w])-\d", claim.sentence)
    directions = {claim.subject: claim.evidence[0].direction for claim in written.claims}
    inflamed = next(name for name in directions if "IL1B → IL1R1" in name and "Fibroblast" in name)
    assert directions[inflamed] == "pro-tumour"
    shown = written.tables[0].frame
    assert set(shown["serves"].str.partition(" (")[0]) <= {"the tumour", "defence", ""}
    whom = shown.loc[shown["edge"].str.contains("IL1B → IL1R1"), "serves"]
    assert whom.eq("the tumour (unchecked)").any()


def test_whom_a_signal_serves_is_called_unchecked_where_it_is() -> None:
    row = {"effect": "pro_tumour", "effect_source": "Leach 1996", "effect_checked": "unchecked"}
    assert served(row) == "the tumour (unchecked)"
    assert served(row | {"effect_checked": "disagrees"}) == "the tumour (SecAct disagrees)"
    assert served(row | {"effect_checked": "agrees"}) == "the tumour"
    assert served(row | {"effect": "unknown", "effect_checked": ""}) == ""
    assert shown_by(row) == "Leach 1996 (unchecked)"


def test_what_is_heard_does_not_rest_on_whom_a_signal_serves(result: Crosstalk) -> None:
    told = result.table[result.table["heard"].isin(["heard", "opposite", "silent"])]
    assert (told["response_pvalue"].notna()).all()
    signed = result.table[result.table["effect"] != "unknown"]
    assert (signed["effect_checked"] != "").all()


def test_loss_of_a_defence_serves_the_tumour() -> None:
    for effect, verdict, direction in (
        ("anti_tumour", "lost", "pro-tumour"),
        ("anti_tumour", "gained", "anti-tumour"),
        ("pro_tumour", "lost", "anti-tumour"),
        ("unknown", "lost", "unknown"),
        ("pro_tumour", "opposed", "unknown"),
    ):
        assert _direction({"effect": effect, "verdict": verdict}) == direction


def test_tables_tell_programmes_key_populations_and_gaps_of_the_panel(result: Crosstalk) -> None:
    written = section(Paper({"one": result}))  # type: ignore[arg-type]
    assert written is not None
    tables = {table.title.split(",")[0]: table for table in written.tables}
    programmes = tables["What the receivers do"]
    assert not programmes.folded
    first = programmes.frame.iloc[0]
    assert (first["programme"], first["answer"]) == ("NF-kappaB", "rises")
    key = tables["Between tumour cells"].frame
    assert set(key["sender"]) == {"Macrophage", "NK", "Treg", "Tumour"}
    assert set(key.loc[key["sender"] == "NK", "status"]) == {"not_asked"}
    assert "tested" in set(key.loc[key["sender"] == "Macrophage", "status"])
    asked = result.encounters.query("sender == 'Macrophage'")
    assert asked["n_edges"].sum() == len(result.table)
    assert (asked.loc[asked["status"] == "not_testable", "reason"] != "").all()
    panel = tables["What the panel can show"].frame.set_index("pathway")
    assert set(panel.loc[panel["missing"] > 0, "lacking"]) != {""}
    assert "WNT" in panel.index


def test_section_without_a_testable_edge_says_so(result: Crosstalk) -> None:
    empty = Crosstalk(
        result.table_schema.build([]),
        result.donors_schema.build([]),
        result.programmes_schema.build([]),
        result.encounters,
        result.abundance,
        result.antagonists,
        result.coverage,
        result.missing,
        result.dropped,
        result.params,
    )
    written = section(Paper({"one": empty}))  # type: ignore[arg-type]
    assert written is not None
    assert "could be tested" in written.lead
    assert not written.claims
    assert not written.figures
    assert section(Paper({})) is None  # type: ignore[arg-type]


def test_stage_follows_allegiance() -> None:
    assert STAGE.name == "crosstalk"
    assert set(STAGE.needs) == {"tally", "allegiance"}
    assert "signals" in STAGE.knowledge
