"""The classic table equals an independent implementation, and says what its null tests."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import turncoat as tc
from turncoat.crosstalk.classic import classic_edges
from turncoat.errors import ArgumentError, MissingKeyError
from turncoat.knowledge.registry import read_table

GOLDEN = Path(__file__).parent.parent / "golden" / "crosstalk" / "liana_scores.csv"


@pytest.fixture(scope="module")
def merged() -> pd.DataFrame:
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=150, n_genes=900, seed=11)
    tally = tc.pp.tally(cells, donor_key="donor", sample_key="sample", population_key="population")
    pairs = pd.concat([read_table("signals"), read_table("signals_removed")])
    ours = classic_edges(tally, pairs=pairs[pairs["species"] == "human"][["ligand", "receptor"]])
    liana = pd.read_csv(GOLDEN).rename(
        columns={
            "source": "sender",
            "ligand_complex": "ligand",
            "target": "receiver",
            "receptor_complex": "receptor",
        }
    )
    keys = ["sender", "ligand", "receiver", "receptor"]
    return liana.merge(ours, on=keys, suffixes=("_liana", ""), validate="one_to_one")


@pytest.mark.parametrize(
    ("score", "tolerance"),
    [
        ("lr_means", 1e-6),
        ("expr_prod", 1e-6),
        ("spec_weight", 1e-6),
        ("lr_gmeans", 1e-6),
        ("lrscore", 1e-6),
    ],
)
def test_scores_equal_lianas(merged: pd.DataFrame, score: str, tolerance: float) -> None:
    assert len(merged) == 338
    assert (merged[score] / merged[f"{score}_liana"] - 1).abs().max() < tolerance


def test_small_populations_and_empty_genes_change_no_score() -> None:
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=60, n_genes=700, seed=3)
    few = cells.obs_names[(cells.obs["population"] == "B").to_numpy()][3:]
    few_left = cells[~cells.obs_names.isin(few)].copy()
    without = cells[(cells.obs["population"] != "B").to_numpy()].copy()
    keys = {"donor_key": "donor", "sample_key": "sample", "population_key": "population"}
    one = classic_edges(tc.pp.tally(few_left, **keys))  # type: ignore[arg-type]
    two = classic_edges(tc.pp.tally(without, **keys))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(one, two)
    assert classic_edges(tc.pp.tally(without, **keys), min_cells=10_000).empty  # type: ignore[arg-type]


def peer_with_liana() -> str | None:
    """Find an interpreter with LIANA: this one, or one that TURNCOAT_PEERS names."""
    if importlib.util.find_spec("liana"):
        return sys.executable
    for place in os.environ.get("TURNCOAT_PEERS", "").split(os.pathsep):
        if place and list(Path(place).glob("lib/python*/site-packages/liana")):
            return str(Path(place) / "bin" / "python")
    return None


@pytest.mark.slow
@pytest.mark.skipif(peer_with_liana() is None, reason="needs LIANA, here or in TURNCOAT_PEERS")
def test_recorded_scores_are_what_liana_gives(tmp_path: Path) -> None:
    cells = tc.ds.planted(n_donors=2, n_controls=2, cells_per_donor=150, n_genes=900, seed=11)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    script, out = GOLDEN.with_suffix(".py"), tmp_path / "scores.csv"
    command = [peer_with_liana() or "", "-W", "ignore", str(script), str(tmp_path / "cells.h5ad")]
    subprocess.run([*command, str(out)], check=True, capture_output=True)
    pd.testing.assert_frame_equal(pd.read_csv(out), pd.read_csv(GOLDEN), rtol=1e-7)


def test_label_pvalue_agrees_with_permutation(merged: pd.DataFrame) -> None:
    one, other = merged["label_pvalue"], merged["cellphone_pvals"]
    assert ((one <= 0.05) == (other <= 0.05)).mean() > 0.97
    assert (one - other).abs().max() < 0.06
    # What this null tests is the type of cell: most edges pass, without any difference of donors.
    assert (other <= 0.05).mean() > 0.5


def test_tally_without_logarithms_is_refused() -> None:
    cells = tc.ds.planted(n_donors=1, n_controls=1, cells_per_donor=40, n_genes=700)
    tally = tc.pp.tally(cells, donor_key="donor", sample_key="sample", population_key="population")
    with pytest.raises(ArgumentError, match="min_detection"):
        classic_edges(tally, min_detection=1.0)
    del tally.layers["logsumsq"]
    with pytest.raises(MissingKeyError, match="logsumsq"):
        classic_edges(tally)
