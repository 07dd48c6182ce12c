"""The stage and the section of crosstalk, on a planted study with known truth."""

from dataclasses import dataclass
from typing import Any

import pytest

import turncoat as tc
from turncoat.crosstalk import Crosstalk, crosstalk
from turncoat.pipeline.rooms.crosstalk import STAGE
from turncoat.report.sections.crosstalk import section
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


def test_section_without_a_testable_edge_says_so(result: Crosstalk) -> None:
    empty = Crosstalk(
        result.table_schema.build([]),
        result.donors_schema.build([]),
        result.programmes_schema.build([]),
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
