"""Quality: each sample sets its own thresholds, and nothing is removed in silence."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.cells import marker_set, quality
from turncoat.errors import MissingKeyError


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=200, n_genes=1200, seed=5)


def test_a_nearly_empty_cell_and_a_dying_cell_are_marked_and_counted(cells: ad.AnnData) -> None:
    spoiled = cells.copy()
    counts = sp.lil_matrix(spoiled.X)
    counts[0] = 0
    counts[0, 5] = 10
    mito = np.flatnonzero(spoiled.var_names.str.startswith("MT-"))
    counts[1, mito] = 2_000
    spoiled.X = counts.tocsr()
    found = quality(spoiled, sample_key="sample")
    assert "nearly empty" in found.cells["marks"].iloc[0]
    assert "high mito" in found.cells["marks"].iloc[1]
    assert found.marks.set_index(["sample", "reason"])["n_cells"].sum() >= 2
    assert (found.cells["marks"] == "").mean() > 0.9
    assert len(found.cells) == cells.n_obs


def test_two_lineages_in_one_cell_are_a_doublet(cells: ad.AnnData) -> None:
    population = cells.obs["population"].astype(str).to_numpy()
    t, b = (np.flatnonzero(population == name)[:20] for name in ("CD8 T", "Endothelial"))
    n = min(t.size, b.size)
    both = ad.AnnData(sp.vstack([cells.X, cells.X[t[:n]] + cells.X[b[:n]]]).tocsr())
    both.var_names = cells.var_names
    both.obs["sample"] = "s"
    marks = quality(both, sample_key="sample").cells["marks"].str.contains("two lineages")
    # Few of the genes that tell are among these 1,200; ambient RNA must not count.
    assert marks.iloc[-n:].mean() > 0.35
    assert marks.iloc[:-n].mean() < 0.03


def test_ambient_markers_show_in_the_soup() -> None:
    nodes = {node.name: node for node in marker_set().at("lineage")}
    genes = list(dict.fromkeys([*nodes["B"].positive, *nodes["NK"].positive, "ACTB", "GAPDH"]))
    rng = np.random.default_rng(0)
    truth = np.repeat(["B", "NK"], 50)
    clean = rng.poisson(1.0, (100, len(genes)))
    for name in ("B", "NK"):
        own = [genes.index(gene) for gene in nodes[name].positive]
        clean[np.ix_(truth == name, own)] += rng.poisson(20, (50, len(own)))
        clean[np.ix_(truth != name, own)] = 0
    soup = clean.mean(axis=0) * 0.2
    soaked = clean + rng.poisson(soup, clean.shape)
    rates = []
    for counts in (clean, soaked):
        cells = ad.AnnData(counts.astype(float), var=pd.DataFrame(index=genes))
        cells.obs["sample"], cells.obs["lineage"] = "s", truth
        table = quality(cells, sample_key="sample", lineage_key="lineage").soup
        rates.append(float(table.loc[table["lineage"] == "B", "soup"].to_numpy()[0]))
    assert rates[0] < 0.02
    assert 0.05 < rates[1] < 0.5


def test_a_small_sample_takes_the_thresholds_of_all(cells: ad.AnnData) -> None:
    few = cells.copy()
    few.obs["sample"] = few.obs["sample"].astype(str)
    few.obs.loc[few.obs_names[:3], "sample"] = "tiny"
    table = quality(few, sample_key="sample").thresholds.set_index("sample")
    assert not table.loc[["tiny"], "own"].to_numpy().any()
    with pytest.raises(MissingKeyError, match="Did you mean 'sample'"):
        quality(few, sample_key="samples")
