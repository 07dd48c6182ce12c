"""Edges travel to other tools and back; figures draw what the tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.crosstalk import Crosstalk, crosstalk, plot
from turncoat.crosstalk.classic import classic_edges
from turncoat.crosstalk.exchange import (
    edges,
    from_cellphonedb,
    from_liana,
    to_cellphonedb,
    to_liana,
)
from turncoat.errors import ArgumentError, TableError

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
KEYS = ["sender", "ligand", "receiver", "receptor"]


@pytest.fixture(scope="module")
def result() -> Crosstalk:
    cells = tc.ds.planted(n_donors=5, n_controls=5, cells_per_donor=500, n_genes=800, seed=3)
    tally = tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        condition_key="condition",
        population_key="population",
    )
    contrast = tc.Contrast("condition", "case", "control")
    return crosstalk(
        tally, contrast, senders=["Macrophage", "Treg", "Fibroblast"], n_permutations=99
    )


def test_tidy_edges(result: Crosstalk) -> None:
    assert edges(result).equals(result.table)
    changed = edges(result, fdr=0.1)
    assert set(changed["verdict"]) <= {"gained", "lost", "opposed"}
    assert len(changed) < len(result.table)


def test_liana_and_back(result: Crosstalk) -> None:
    theirs = to_liana(result.table)
    assert list(theirs)[:4] == ["source", "ligand_complex", "target", "receptor_complex"]
    pd.testing.assert_frame_equal(from_liana(theirs)[KEYS], result.table[KEYS])
    with pytest.raises(TableError, match="no column 'target'"):
        from_liana(theirs.drop(columns="target"))
    with pytest.raises(TableError, match="no column 'sender'"):
        to_liana(theirs)


def test_cellphonedb_and_back(result: Crosstalk) -> None:
    means, pvalues = to_cellphonedb(result.table, value="strength_case", pvalue="pvalue")
    assert means.shape == pvalues.shape
    assert not means.isna().any(axis=None)
    long = from_cellphonedb(means, pvalues)
    row = result.table[result.table["status"] == "tested"].iloc[0]
    pair = f"{row['ligand']}_{row['receptor']}"
    found = long[
        (long["sender"] == row["sender"])
        & (long["receiver"] == row["receiver"])
        & (long["interacting_pair"] == pair)
    ]
    assert found["mean"].item() == row["strength_case"]
    assert found["pvalue"].item() == row["pvalue"]
    described = means.reset_index().assign(gene_a="x")
    assert len(from_cellphonedb(described, pvalues)) == len(long)
    with pytest.raises(TableError, match="same pairs"):
        from_cellphonedb(means, pvalues.iloc[:-1])
    with pytest.raises(ArgumentError, match="occurs twice"):
        to_cellphonedb(pd.concat([result.table] * 2), value="change", pvalue="pvalue")
    pd.testing.assert_frame_equal(to_cellphonedb(result.table)[0], means)
    with pytest.raises(TableError, match="no column 'strength_case'"):
        to_cellphonedb(result.table.drop(columns="strength_case"))


def test_classic_table_can_be_exported(result: Crosstalk) -> None:
    cells = tc.ds.planted(n_donors=1, n_controls=1, cells_per_donor=200, n_genes=700)
    tally = tc.pp.tally(cells, donor_key="donor", sample_key="sample", population_key="population")
    means, _ = to_cellphonedb(classic_edges(tally))
    assert (means.to_numpy() >= 0).all()


def test_figures_draw_the_table(result: Crosstalk) -> None:
    ax = plot.crosstalk(result, n_edges=5)
    first = result.table[result.table["status"] == "tested"].iloc[0]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[-1] == plot.edge_name(first.to_dict())
    offsets = np.asarray(ax.collections[-1].get_offsets())
    assert offsets[-1, 0] == pytest.approx(first["change"])
    ax = plot.crosstalk_map(result)
    numbers = " ".join(text.get_text() for text in ax.texts).replace("\u2212", "-").split()
    told = sorted(int(number) for number in numbers if number != "·")
    changed = result.table[result.table["verdict"].isin(["gained", "lost"])]
    counts = changed.groupby(["sender", "receiver", "verdict"]).size().reset_index(name="n")
    sign = counts["verdict"].map({"gained": 1, "lost": -1})
    assert told == sorted((counts["n"] * sign).tolist())
    ax = plot.crosstalk_donors(result, rank=1)
    assert sum(len(np.asarray(c.get_offsets())) for c in ax.collections) > 5
    mine = plt.figure().subplots()
    assert plot.crosstalk(result, ax=mine) is mine
    with pytest.raises(ArgumentError, match="No donors are kept for rank 99999"):
        plot.crosstalk_donors(result, rank=99_999)
    plt.close("all")
