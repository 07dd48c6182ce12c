"""Gene sets scored in the pass, and cells kept packed in memory."""

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from tally.cells import KEYS, dense, make_cells, same_bits, write
from turncoat.errors import ArgumentError, MissingKeyError
from turncoat.study import plan_cells
from turncoat.tally import tally_plan
from turncoat.tally.compact import compact_cells
from turncoat.tally.signatures import tally_and_score

SETS = {
    "killing": {"GZMB": 1.0, "NCAM1": 0.5, "NOT1A1GENE": 3.0},
    "hiding": {"FOXP3": 1.0, "TGFB1": 2.0, "CD8A": -1.0},
}


def test_scores_are_the_t_of_a_regression_on_the_weights(tmp_path: Path) -> None:
    from scipy import stats

    cells = make_cells(120, seed=4)
    plan = plan_cells(write(cells, tmp_path / "cells.h5ad"), **KEYS)
    counted, (scores,) = tally_and_score(plan, SETS, threads=2)
    assert same_bits(counted, tally_plan(plan))
    counts = np.asarray(cells.to_df()[list(plan.genes.index)], dtype=float)
    library = counts.sum(axis=1)
    for cell in range(cells.n_obs):
        if not library[cell]:
            assert np.isnan(scores[cell]).all()
            continue
        logs = np.log1p(counts[cell] / library[cell] * 1e4)
        for number, members in enumerate(SETS.values()):
            weights = [members.get(gene, 0.0) for gene in plan.genes.index]
            fitted = stats.linregress(weights, logs)
            assert scores[cell, number] == pytest.approx(fitted.slope / fitted.stderr, rel=1e-5)


def test_sets_without_a_known_gene_and_no_sets_are_refused() -> None:
    plan = plan_cells(make_cells(20), **KEYS)
    with pytest.raises(MissingKeyError, match="No gene of the set 'odd'"):
        tally_and_score(plan, {"odd": {"NCAM2X": 1.0}})
    with pytest.raises(ArgumentError, match="'sets' is empty"):
        tally_and_score(plan, {})


def test_cells_kept_packed_give_the_means_that_the_tally_has(tmp_path: Path) -> None:
    cells = make_cells(500, seed=8)
    cells.X = cells.X * 100
    plan = plan_cells(write(cells, tmp_path / "cells.h5ad", compression="gzip"), **KEYS)
    store = compact_cells(plan, threads=2)
    assert store.n_cells == 500
    assert store.n_values == cells.X.count_nonzero()
    counted = tally_plan(plan)
    rows = plan.row_codes[0]
    means = [store.group_means(rows, counted.n_obs, threads=t) for t in (1, 2, 3)]
    expected = dense(counted, "logsum") / counted.obs["n_cells"].to_numpy()[:, np.newaxis]
    np.testing.assert_allclose(means[0], expected, rtol=1e-7, atol=1e-9)
    assert means[0].tobytes() == means[1].tobytes() == means[2].tobytes()
    with pytest.raises(ArgumentError, match="should have 500 entries"):
        store.group_means(rows[:10], 3)
    with pytest.raises(ArgumentError, match="of one source"):
        compact_cells(plan_cells([cells[:250].copy(), cells[250:].copy()], **KEYS))


def test_scores_are_those_of_decoupler() -> None:
    # Made by tests/golden/tally/make_ulm.py with decoupler itself.
    stored = Path(__file__).parents[1] / "golden" / "tally" / "ulm.json"
    golden = json.loads(stored.read_text(encoding="utf-8"))
    counts = np.array(golden["counts"], dtype=np.float32)
    obs = pd.DataFrame(
        {"donor": "d", "sample": "s", "tissue": "t", "condition": "c", "population": "p"},
        index=[f"cell{i}" for i in range(counts.shape[0])],
    )
    cells = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=golden["genes"]))
    _, (scores,) = tally_and_score(plan_cells(cells, **KEYS), golden["sets"])
    np.testing.assert_allclose(scores, golden["scores"], rtol=1e-5, atol=1e-6)
