"""Quality in the run: measured in a pass, thresholds per sample, removals counted, soup named."""

import re
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import turncoat as tc
from tally.cells_for_kernels import Drawn, drawn_cells
from turncoat.cells import Quality, marker_set
from turncoat.cells.study import study_plan
from turncoat.errors import ArgumentError, StudyError
from turncoat.study import TallyPlan, load_study, plan_cells
from turncoat.tally import kernels, tally, tally_plan
from turncoat.tally.ambient import Ambient, ambient
from turncoat.tally.fitness import quality_of_plan, without_removed
from turncoat.tally.kernels import units
from turncoat.tally.measuring import MEASURES_NAME, Measuring

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

KEYS: dict[str, Any] = {
    "donor_key": "donor",
    "sample_key": "sample",
    "condition_key": "condition",
    "population_key": "population",
}


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    made = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=200, n_genes=1500, seed=5)
    counts = sp.lil_matrix(made.X)
    counts[:5] = 0
    counts[:5, 7] = 12
    mito = np.flatnonzero(made.var_names.str.startswith("MT-"))
    counts[5:9, mito] = 2_000
    made.X = counts.tocsr()
    return made


@pytest.fixture(scope="module")
def plan(cells: ad.AnnData) -> TallyPlan:
    return plan_cells(cells, **KEYS)


def test_the_pass_finds_what_the_matrix_shows(cells: ad.AnnData, plan: TallyPlan) -> None:
    streamed = quality_of_plan(plan, threads=2)
    at_once = tc.pp.quality(cells, sample_key="sample")
    pd.testing.assert_frame_equal(streamed.cells, at_once.cells)
    pd.testing.assert_frame_equal(streamed.thresholds, at_once.thresholds)
    pd.testing.assert_frame_equal(streamed.marks, at_once.marks)
    assert streamed.cells["marks"].iloc[:5].str.contains("nearly empty").all()
    assert streamed.cells["marks"].iloc[5:9].str.contains("high mito").all()


def test_nothing_is_left_out_unless_a_mark_is_named(plan: TallyPlan) -> None:
    found = quality_of_plan(plan)
    assert not found.removed.any()
    assert without_removed(plan, found) is plan
    assert found.samples["n_marked"].sum() >= 9


def test_every_removal_is_counted_by_sample_and_reason(plan: TallyPlan) -> None:
    found = quality_of_plan(plan, remove=["nearly empty", "high mito"])
    assert set(np.flatnonzero(found.removed)) >= set(range(9))
    out = found.cells[found.removed]
    assert out["marks"].str.contains("nearly empty|high mito").all()
    by_reason = found.marks.groupby("reason")[["n_cells", "n_removed"]].sum()
    assert (by_reason.loc[["nearly empty", "high mito"], "n_removed"] > 0).all()
    assert by_reason.loc["two lineages", "n_removed"] == 0
    assert found.samples["n_removed"].sum() == found.removed.sum()
    left = without_removed(plan, found)
    counted = tally_plan(left)
    assert counted.obs["n_cells"].sum() == (~found.removed).sum()
    said = left.dropped[left.dropped["reason"].str.contains("quality: nearly empty; high mito")]
    assert said["n"].sum() == found.removed.sum()


def test_leaving_everybody_out_is_refused(plan: TallyPlan) -> None:
    found = quality_of_plan(plan, remove=["all"], empty=10**9)
    with pytest.raises(StudyError, match="No cell is left"):
        without_removed(plan, found)
    with pytest.raises(ArgumentError, match="Did you mean 'high mito'"):
        quality_of_plan(plan, remove=["high mitto"])


def study(folder: Path, cells: ad.AnnData, quality: str) -> Path:
    cells.write_h5ad(folder / "cells.h5ad")
    (folder / "study.toml").write_text(
        '[cells]\nfiles = ["cells.h5ad"]\ndonor = "donor"\nsample = "sample"\n'
        f'condition = "condition"\npopulation = "population"\n[quality]\n{quality}\n',
        encoding="utf-8",
    )
    return folder / "study.toml"


def test_the_run_removes_what_the_study_names_and_the_report_says_so(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    run = tc.run(study(tmp_path, cells, 'remove = ["nearly empty"]'), out=tmp_path / "out")
    found = run.result("quality", Quality)
    assert run.tally().obs["n_cells"].sum() == cells.n_obs - found.removed.sum()
    page = run.report.read_text(encoding="utf-8")
    assert "Are the cells fit to be counted?" in page
    assert f"{found.removed.sum()} were left out, for: nearly empty." in page
    assert len(run.result("ambient", Ambient).samples) > 0


@pytest.mark.parametrize("labelled", [True, False])
def test_where_nobody_is_left_out_the_files_are_read_once(
    cells: ad.AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, labelled: bool
) -> None:
    file = study(tmp_path, cells, "deviations = 4.0")
    if not labelled:
        tc.pp.train_annotator(cells, label_key="population").save(tmp_path / "model.npz")
        text = file.read_text(encoding="utf-8").replace('population = "population"\n', "")
        file.write_text(text + '[annotation]\nannotator = "model.npz"\n', encoding="utf-8")
    expected = quality_of_plan(study_plan(load_study(file)), deviations=4.0)
    monkeypatch.setattr("turncoat.pipeline.rooms.quality.quality_of_plan", None)
    found = tc.run(file, out=tmp_path / "out").result("quality", Quality)
    for name in ("cells", "thresholds", "marks", "samples"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))


def test_a_study_that_changes_its_mind_keeps_what_it_found(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    for marks in ('["nearly empty"]', "[]", '["nearly empty"]', "[]"):
        run = tc.run(study(tmp_path, cells, f"remove = {marks}"), out=tmp_path / "out")
        found = run.result("quality", Quality)
        assert found.removed.any() == (marks != "[]")
        assert run.tally().obs["n_cells"].sum() == cells.n_obs - found.removed.sum()


def test_measures_are_written_down_and_taken_up(plan: TallyPlan, tmp_path: Path) -> None:
    measured = Measuring(plan, threads=1)
    tally_plan(plan, first=measured)
    measured.save(tmp_path)
    again = Measuring(plan)
    assert again.load(tmp_path)
    pd.testing.assert_frame_equal(again.judge().cells, quality_of_plan(plan).cells)
    (tmp_path / MEASURES_NAME).write_bytes(b"no zip")
    assert not again.load(tmp_path)
    assert not again.load(tmp_path / "absent")


def test_a_mark_that_does_not_exist_is_refused(cells: ad.AnnData, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=re.escape("Did you mean 'high mito'")):
        tc.run(study(tmp_path, cells, 'remove = ["high mit"]'), out=tmp_path / "out")


def test_antibody_genes_in_nk_cells_are_named_soup() -> None:
    markers = {node.name: node for node in marker_set().at("lineage")}
    antibody = ["IGKC", "IGHG1", "IGHA1", "IGLC2"]
    own = {"B": [*markers["B"].positive[:6], *antibody], "NK": list(markers["NK"].positive[:6])}
    own |= {"Mast": list(markers["Mast"].positive[:6])}
    genes = [
        *dict.fromkeys([*own["B"], *own["NK"], *own["Mast"]]),
        *(f"RPL{k}" for k in range(3, 40)),
    ]
    rng = np.random.default_rng(0)
    kinds = np.repeat(["B", "NK", "Mast"], 60)
    rate = np.full((180, len(genes)), 0.0)
    rate[:, -37:] = 5.0
    for kind, mine in own.items():
        rate[np.ix_(kinds == kind, [genes.index(g) for g in mine])] = 20.0
    soup = rate.mean(axis=0) * 0.1
    obs = pd.DataFrame({"s": "one", "kind": kinds}, index=[f"c{k}" for k in range(180)])
    var = pd.DataFrame(index=genes)
    counts = rng.poisson(rate + soup)
    leaky = ad.AnnData(sp.csr_matrix(counts), obs=obs, var=var)
    found = ambient(tally(leaky, donor_key="s", sample_key="s", population_key="kind"))
    leak = found.leaks.set_index(["population", "genes"]).xs(("NK", "Immunoglobulin"))
    assert leak["reading"] == "ambient explains it"
    assert 0.02 < leak["share"] < 0.06
    assert found.samples["soup"].iloc[0] == pytest.approx(0.1 / 1.1, abs=0.03)
    # The same genes truly expressed by mast cells are more than soup.
    rate[np.ix_(kinds == "Mast", [genes.index(g) for g in antibody])] = 10.0
    spoiled = ad.AnnData(sp.csr_matrix(rng.poisson(rate + soup)), obs=obs, var=var)
    again = ambient(tally(spoiled, donor_key="s", sample_key="s", population_key="kind"))
    leak = again.leaks.set_index(["population", "genes"]).xs(("Mast", "Immunoglobulin"))
    assert leak["reading"] == "more than ambient"


def test_planted_doublets_score_high() -> None:
    cells = tc.ds.planted(n_donors=1, n_controls=0, cells_per_donor=500, n_genes=1500, seed=4)
    counts = sp.csr_matrix(cells.X)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, cells.n_obs, (2, 40))
    both = ad.AnnData(sp.vstack([counts, counts[first] + counts[second]]).tocsr(), var=cells.var)
    both.obs["sample"] = "one"
    found = tc.pp.doublets(both, sample_key="sample", seed=1)
    score, truth = found["score"].to_numpy(), np.arange(both.n_obs) >= cells.n_obs
    better = (score[truth][:, np.newaxis] > score[~truth]).mean()
    assert better > 0.8
    assert truth[found["doublet"]].mean() > 0.7
    again = tc.pp.doublets(both, sample_key="sample", seed=1)
    pd.testing.assert_frame_equal(found, again)
    few = tc.pp.doublets(both[:50].copy(), sample_key="sample")
    assert few["score"].isna().all()
    assert not few["doublet"].any()


@settings(deadline=None)
@given(drawn_cells(), st.integers(0, 99))
def test_the_kernel_measures_as_its_twin(block: Drawn, seed: int) -> None:
    genes, counts = block.room()
    ledger = np.zeros((block.n_cells, units.N_LEDGER), dtype=np.int64)
    kernels.pack_cells(
        block.data, block.indices, block.indptr, block.columns, genes, counts, 0, ledger,
        block.scratch(),
    )  # fmt: skip
    kinds = np.random.default_rng(seed).integers(-1, 3, block.n_genes + 1).astype(np.int16)
    made = np.full((2, block.n_cells, 3, 2), 9)
    kernels.measure_kinds(genes, counts, ledger, kinds, made[0])
    kernels.measure_kinds.reference(genes, counts, ledger, kinds, made[1])
    np.testing.assert_array_equal(made[0], made[1])
