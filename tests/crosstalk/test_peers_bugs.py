"""Bugs that peers have published and mended (LIANA 2.0, "Fixed"): none of them is ours.

The first subunit in place of the weakest one is tested in test_science.py; data changed under
later methods, and groups compared in the order of their names, in test_crosstalk.py.
"""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.crosstalk.crosstalk import crosstalk
from turncoat.crosstalk.evidence import rank_edges, weighted
from turncoat.crosstalk.families import hierarchical_qvalues
from turncoat.errors import CountsError, DroppedDataWarning
from turncoat.knowledge.registry import read_table

CONTRAST = tc.Contrast("condition", "case", "control")


def tally_of(cells: ad.AnnData) -> ad.AnnData:
    return tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        condition_key="condition",
        population_key="population",
    )


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=4, n_controls=4, cells_per_donor=250, n_genes=800, seed=5)


@pytest.fixture(scope="module")
def tally(cells: ad.AnnData) -> ad.AnnData:
    return tally_of(cells)


def run(tally: ad.AnnData, pairs: pd.DataFrame | None = None) -> pd.DataFrame:
    return crosstalk(
        tally, CONTRAST, senders="all", pairs=pairs, n_permutations=0, key_added=None
    ).table


def test_pairs_given_twice_are_evidence_once(tally: ad.AnnData) -> None:
    # In a peer one score was ranked twice in the consensus, and so counted double.
    signals = read_table("signals").query("species == 'human'")[["ligand", "receptor"]].head(400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedDataWarning)
        once = run(tally, signals)
        twice = run(tally, pd.concat([signals, signals]))
    assert len(once)
    pd.testing.assert_frame_equal(once, twice)


def test_each_test_moves_the_rank_once() -> None:
    table = pd.DataFrame(
        {
            "verdict": ["gained"] * 4,
            "ladder": ["", "present", "", "present"],
            "pvalue": [0.001, 0.04, 0.002, 0.01],
            "weight": [1.0, 1.0, 4.0, 1.0],
            "n_sources": [1, 1, 1, 1],
            "sender": list("abcd"),
            "receiver": "r",
            "ligand": "l",
            "receptor": "k",
            "tissue": "t",
        }
    )
    assert rank_edges(table)["sender"].tolist() == ["d", "b", "c", "a"]
    copied = table.assign(qvalue=table["pvalue"], permutation_pvalue=table["pvalue"])
    assert rank_edges(copied)["sender"].tolist() == ["d", "b", "c", "a"]


def test_weights_do_not_cancel_out_of_the_qvalue() -> None:
    # In a peer spatial weights cancelled out of the p-value.
    pvalue, families = np.array([0.01, 0.01, 0.5]), np.array([0, 1, 2])
    plain = hierarchical_qvalues(weighted(pvalue, np.ones(3)), families)
    tilted = hierarchical_qvalues(weighted(pvalue, np.array([1.8, 0.2, 1.0])), families)
    assert tilted[0] > plain[0] / 2
    assert tilted[0] < tilted[1]
    assert tilted[1] > plain[1]
    assert np.isnan(weighted(np.array([np.nan]), np.ones(1)))[0]


def test_negative_counts_are_refused_before_the_tally(cells: ad.AnnData) -> None:
    # In a peer negative input gave NaN without a word.
    scaled = cells.copy()
    values = scaled.X.astype(np.float64)
    values.data[0] = -1.0
    scaled.X = values
    with pytest.raises(CountsError, match="Negative values: the matrix was scaled"):
        tally_of(scaled)


@pytest.mark.parametrize("value", [-3.0, np.nan])
@pytest.mark.parametrize("name", ["counts", "detected"])
def test_negative_and_missing_sums_are_refused(tally: ad.AnnData, name: str, value: float) -> None:
    spoilt = tally.copy()
    layer = np.array(spoilt.layers[name], dtype=np.float64)
    layer[:, spoilt.var_names.get_loc("TGFBR2")] = value
    spoilt.layers[name] = layer
    with pytest.raises(CountsError, match=f"layer '{name}' holds negative or missing"):
        run(spoilt)


def test_negative_logarithms_are_refused_by_the_classic_table(tally: ad.AnnData) -> None:
    spoilt = tally.copy()
    layer = np.array(spoilt.layers["logsum"], dtype=np.float64)
    layer[:, 0] = -1.0
    spoilt.layers["logsum"] = layer
    with pytest.raises(CountsError, match="layer 'logsum' holds negative or missing"):
        tc.tl.classic_edges(spoilt)
