"""A signal that serves the defence reaches the therapy room, and the page, as harmful to cut."""

import warnings
from pathlib import Path

import pytest

import turncoat as tc
from turncoat.crosstalk import Crosstalk
from turncoat.errors import DesignWarning, DroppedDataWarning
from turncoat.pipeline import Run
from turncoat.study.planted import Edge, Plan
from turncoat.therapy import Therapy

STUDY = """
[study]
name = "A signal of the defence"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "sample"
tissue = "tissue"
condition = "condition"
population = "population"
[[contrasts]]
name = "case vs control"
variable = "condition"
case = "case"
reference = "control"
"""
#: CXCL9 draws CD8 T cells into tumours (effect anti_tumour); CXCR3 has antagonists. The second
#: signal serves the tumour and has its own blockers, so that the flag is seen to be selective.
PLAN = Plan(
    switches=(),
    edges=(
        Edge("Macrophage", "CXCL9", "CD8 T", "CXCR3", size=3.0),
        Edge("Tumour", "CD274", "CD8 T", "PDCD1", size=3.0),
    ),
    shifts=(),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder: Path = tmp_path_factory.mktemp("harm")
    cells = tc.ds.planted(
        n_donors=6, n_controls=6, cells_per_donor=400, n_genes=700, plan=PLAN, seed=11
    )
    cells.write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedDataWarning)
        warnings.simplefilter("ignore", DesignWarning)
        return tc.run(folder / "study.toml", out=folder / "out", threads=1)


@pytest.mark.slow
def test_cutting_a_signal_of_the_defence_is_flagged_from_end_to_end(run: Run) -> None:
    found = next(iter(run.results("crosstalk", Crosstalk).values())).table
    drawn = found[(found["ligand"] == "CXCL9") & (found["receiver"] == "CD8 T")]
    drawn = drawn[(drawn["sender"] == "Macrophage") & (drawn["receptor"] == "CXCR3")]
    assert drawn[["verdict", "effect"]].to_numpy().tolist() == [["gained", "anti_tumour"]]
    table = run.result("therapy", Therapy).table
    mine = table[(table["ligand"] == "CXCL9") & (table["receptor"] == "CXCR3")]
    mine = mine[(mine["receiver"] == "CD8 T") & (mine["direction"] == "cuts")]
    assert len(mine)
    assert mine["is_harmful"].all()
    assert mine["warning"].str.contains("cutting it would help the tumour").all()
    other = table[(table["ligand"] == "CD274") & (table["receptor"] == "PDCD1")]
    other = other[(other["receiver"] == "CD8 T") & (other["direction"] == "cuts")]
    assert len(other)
    assert not other["is_harmful"].any()
    assert other["rank"].min() < mine["rank"].min()


@pytest.mark.slow
def test_no_drug_against_the_defence_is_combined_and_the_page_flags_it(run: Run) -> None:
    found = run.result("therapy", Therapy)
    cut = found.table[(found.table["ligand"] == "CXCL9") & found.table["is_harmful"]]
    assert "NBI-74330" in set(cut["drug"])
    assert "NBI-74330" not in found.combinations.to_string()
    page = run.report.read_text(encoding="utf-8")
    assert "Flagged as harmful" in page
    assert "cutting it would help the tumour" in page
