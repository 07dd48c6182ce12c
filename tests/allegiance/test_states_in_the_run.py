"""Sub-states from a study file to the report."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from allegiance.test_substates import lineage
from turncoat.allegiance import Substates
from turncoat.cells.drawn import draw_populations
from turncoat.errors import StudyError
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import discover, up_to
from turncoat.pipeline.whole import run_stages
from turncoat.report.sections import states as page
from turncoat.study import load_study

TEXT = """
[study]
species = "human"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "donor"
condition = "condition"
population = "population"
[[contrasts]]
variable = "condition"
case = "case"
reference = "control"
[states]
populations = ["NK", "CD8 T"]
"""


def cells_with_names(seed: int, boost: float = 1.0) -> ad.AnnData:
    cells = lineage(seed, 0.2, boost=boost)
    cells.obs = cells.obs.drop(columns="planted")
    few = cells[cells.obs["donor"].isin(["d00", "d06"])].copy()
    few.obs["population"] = "CD8_T_cells"
    few.obs_names = [f"t{name}" for name in few.obs_names]
    return ad.concat([cells, few])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("states")
    cells_with_names(0, boost=2.5).write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(TEXT)
    stages = up_to("states", discover())
    return run_stages(load_study(folder / "study.toml"), stages, out=folder / "out")


def test_the_run_saves_what_was_found_and_why_a_population_was_not_asked(run: Run) -> None:
    found = run.results("states", Substates)
    assert set(found) == {"nk", "cd8_t_cells"}
    assert found["nk"].table["confirmed"].any()
    assert (found["nk"].abundance["status"] == "tested").all()
    assert "one half finds the states" in found["cd8_t_cells"].params["reason"]
    assert found["cd8_t_cells"].table.empty


def test_the_page_says_what_was_found_and_makes_each_claim_once(run: Run) -> None:
    section = page.section(run)
    assert section is not None
    assert "found in NK" in section.lead
    assert "commoner in case" in section.lead
    assert "Too few donors to ask: CD8_T_cells" in section.lead
    verdicts = [claim.verdict for claim in section.claims]
    assert verdicts.count("not testable") == 1
    table = run.results("states", Substates)["nk"].table
    both = int(table["confirmed"].sum()) // 2
    alone = int(((table["verdict"] == "found") & ~table["confirmed"]).sum())
    assert verdicts.count("found") == both + alone
    assert {one.title for one in section.tables} >= {
        "States found",
        "Are they commoner in one arm?",
    }
    assert all("nan" not in claim.sentence.lower() for claim in section.claims)


def test_the_order_of_the_cells_does_not_matter() -> None:
    cells = lineage(3, 0.2)
    shuffled = cells[np.random.default_rng(0).permutation(cells.n_obs)].copy()
    first = tc.tl.substates(cells, population="NK")
    second = tc.tl.substates(shuffled, population="NK")
    pd.testing.assert_frame_equal(first.table, second.table)
    pd.testing.assert_frame_equal(first.cells, second.cells)


def test_a_large_population_is_drawn_evenly_and_by_name(tmp_path: Path) -> None:
    cells = cells_with_names(1)
    cells = cells[~((cells.obs["donor"] == "d01") & (np.arange(cells.n_obs) % 4 > 0))].copy()
    for name, order in (("a", slice(None)), ("b", slice(None, None, -1))):
        (tmp_path / name).mkdir()
        cells[order].copy().write_h5ad(tmp_path / name / "cells.h5ad")
        (tmp_path / name / "study.toml").write_text(TEXT)
    drawn = [
        draw_populations(
            load_study(tmp_path / name / "study.toml").plan(), ["NK"], max_cells=300, seed=1
        )
        for name in ("a", "b")
    ]
    assert set(drawn[0].obs_names) == set(drawn[1].obs_names)
    counted = drawn[0].obs["donor"].value_counts()
    # Every cell of the donor with few, and of the others as many as of each other.
    few = int((cells.obs["donor"] == "d01").sum())
    assert counted["d01"] == few
    assert counted.drop("d01").max() - counted.drop("d01").min() <= 1
    assert counted.sum() == 300


def test_a_population_of_sorted_cells_is_not_asked_how_common_its_states_are() -> None:
    found = tc.tl.substates(
        lineage(0, 0.2),
        tc.Contrast("condition", "case", "control"),
        population="NK",
        abundance_refused="the study declares its cells as sorted",
    )
    assert (found.abundance["status"] == "abstained").all()
    assert (found.abundance["reason"] == "the study declares its cells as sorted").all()
    assert found.abundance["pvalue"].isna().all()


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TEXT.replace('["NK", "CD8 T"]', '["NK"]\nn_states = 1'))
    with pytest.raises(StudyError, match="n_states"):
        load_study(tmp_path / "study.toml")


def test_a_result_survives_h5ad(tmp_path: Path) -> None:
    found = tc.tl.substates(lineage(0, 0.2), population="NK")
    holder = ad.AnnData(np.zeros((1, 1)))
    from turncoat.tables import restore, store

    store(holder, "states", found)
    holder.write_h5ad(tmp_path / "x.h5ad")
    again = restore(ad.read_h5ad(tmp_path / "x.h5ad"), "states", Substates)
    pd.testing.assert_frame_equal(again.table, found.table)
    pd.testing.assert_frame_equal(again.sides, found.sides)
