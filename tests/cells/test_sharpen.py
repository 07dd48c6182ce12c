"""Neighbours may settle what a cell's own counts leave open; they never rename a cell."""

import anndata as ad
import numpy as np
import pytest

import turncoat as tc
from turncoat.cells import UNASSIGNED
from turncoat.errors import ArgumentError, MissingKeyError

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=1, n_controls=1, cells_per_donor=400, n_genes=1200, seed=6)


def test_unsure_cells_among_their_like_are_called(cells: ad.AnnData) -> None:
    model = tc.pp.train_annotator(cells, label_key="population")
    found = tc.pp.annotate(cells, sample_key="sample", annotator=model)
    truth = cells.obs["population"].astype(str).to_numpy()
    hidden = found.cells.copy()
    rng = np.random.default_rng(0)
    unsure = rng.random(len(hidden)) < 0.1
    hidden.loc[unsure, "population"] = UNASSIGNED
    import dataclasses

    before = dataclasses.replace(found, cells=hidden)
    after = tc.pp.sharpen(cells, before, sample_key="sample")
    called = after.cells["population"].to_numpy()
    settled = unsure & (called != UNASSIGNED)
    assert settled.sum() > 0.3 * unsure.sum()
    assert (called[settled] == truth[settled]).mean() > 0.9
    named = hidden["population"].to_numpy() != UNASSIGNED
    same = called[named] == hidden["population"].to_numpy()[named]
    assert (same | (called[named] == UNASSIGNED)).all()
    assert after.params["sharpened"]["called"] == settled.sum()
    assert after.samples["n_called"].sum() == (called != UNASSIGNED).sum()


def test_other_cells_and_columns_are_refused(cells: ad.AnnData) -> None:
    model = tc.pp.train_annotator(cells, label_key="population")
    found = tc.pp.annotate(cells, sample_key="sample", annotator=model)
    with pytest.raises(ArgumentError, match="of other cells"):
        tc.pp.sharpen(cells[::-1].copy(), found, sample_key="sample")
    with pytest.raises(MissingKeyError, match="Did you mean 'sample'"):
        tc.pp.sharpen(cells, found, sample_key="sampel")
