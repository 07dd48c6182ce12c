"""Ambient-corrected counts: taken where they are declared, refused with a word of advice where not."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.errors import CountsError, StudyError
from turncoat.study import corrected, load_study
from turncoat.tally import tally

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")

KEYS: dict[str, Any] = {
    "donor_key": "donor",
    "sample_key": "sample",
    "condition_key": "condition",
    "population_key": "population",
}


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    made = tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=200, n_genes=900, seed=1)
    counts = sp.csr_matrix(made.X, dtype=np.float64)
    soaked = counts.copy()
    soaked.data = np.maximum(soaked.data - 0.13, 0.02)
    made.layers["soupx"] = soaked
    return made


def test_sums_of_rounded_counts_stay_true(cells: ad.AnnData) -> None:
    found = tally(corrected(cells, layer="soupx"), **KEYS)
    total = float(np.asarray(found.layers["counts"]).sum())
    true = float(cells.layers["soupx"].sum())
    # Each value is off by at most one, independently: three standard errors.
    assert abs(total - true) < 3 * np.sqrt(0.25 * cells.layers["soupx"].nnz)
    assert (np.asarray(found.layers["counts"]) % 1 == 0).all()


def test_blocks_threads_and_files_round_alike(cells: ad.AnnData, tmp_path: Path) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    one = tally(corrected(cells, layer="soupx"), **KEYS, threads=1)
    two = tally(corrected(tmp_path / "cells.h5ad", layer="soupx"), **KEYS, threads=2)
    np.testing.assert_array_equal(one.layers["counts"], two.layers["counts"])
    source = corrected(cells, layer="soupx")
    pieces = [block.data for block in source.blocks(7, start=20, stop=60)]
    whole = [block.data for block in source.blocks(1000, start=20, stop=60)]
    np.testing.assert_array_equal(np.concatenate(pieces), np.concatenate(whole))


def test_whole_counts_stay_as_they_are(cells: ad.AnnData) -> None:
    plain, taken = tally(cells, **KEYS), tally(corrected(cells), **KEYS)
    np.testing.assert_array_equal(plain.layers["counts"], taken.layers["counts"])


def test_a_study_declares_them(cells: ad.AnnData, tmp_path: Path) -> None:
    cells.write_h5ad(tmp_path / "cells.h5ad")
    text = (
        '[cells]\nfiles = ["cells.h5ad"]\ndonor = "donor"\nsample = "sample"\n'
        'condition = "condition"\npopulation = "population"\nlayer = "soupx"\n'
    )
    (tmp_path / "study.toml").write_text(text + 'counts = "corrected"\n', encoding="utf-8")
    assert load_study(tmp_path / "study.toml").plan().meta["n_cells"] == cells.n_obs
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CountsError, match=r'counts = "corrected"'):
        load_study(tmp_path / "study.toml").plan()
    (tmp_path / "study.toml").write_text(text + 'counts = "clean"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="corrected"):
        load_study(tmp_path / "study.toml")


def test_named_cells_are_those_of_the_corrected_layer(cells: ad.AnnData, tmp_path: Path) -> None:
    from turncoat.cells import marker_set
    from turncoat.study import plan_cells
    from turncoat.tally.annotated import annotate_and_tally

    model = tc.pp.train_annotator(cells, label_key="population")
    plan = plan_cells(corrected(cells, layer="soupx"), donor_key="donor", sample_key="sample")
    found = annotate_and_tally(plan, model, marker_set()).annotation.cells
    truth = cells.obs["population"].astype(str).to_numpy()
    assert (found["guess"].to_numpy() == truth).mean() > 0.9


def test_what_is_no_corrected_count_is_refused(cells: ad.AnnData) -> None:
    spoiled = cells.copy()
    logged = sp.csr_matrix(cells.X, dtype=np.float64)
    depth = np.asarray(logged.sum(axis=1)).ravel()
    spoiled.layers["log"] = sp.csr_matrix((sp.diags(1e4 / depth) @ logged).log1p())
    with pytest.raises(CountsError, match=r"declared to hold corrected counts.*log-normalised"):
        corrected(spoiled, layer="log")
    negative = logged.copy()
    negative.data[5] = -0.5
    spoiled.layers["scaled"] = negative
    with pytest.raises(CountsError, match="corrected counts are numbers from 0"):
        tally(corrected(spoiled, layer="scaled"), **KEYS)
