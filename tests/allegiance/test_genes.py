"""Gene-level comparison of donors, by three methods."""

import sys
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from factories import tally_from_cells
from turncoat.allegiance.genes_fit import Method
from turncoat.allegiance.genes_result import Genes
from turncoat.errors import ArgumentError, MissingExtraError, MissingKeyError
from turncoat.tables import restore

ARMS = tc.Contrast("condition", "ill", "well")
N_GENES, N_PLANTED = 200, 10


def donors(
    seed: int, *, n_donors: int = 12, fold: float = 1.0, paired: bool = False, n_cells: int = 30
) -> ad.AnnData:
    """Two populations; five genes of the ill NK cells are ``fold`` times up, five down."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0, 1, N_GENES)
    counts, rows = [], []
    for donor in range(n_donors):
        own = base * np.exp(0.3 * rng.normal(size=N_GENES))
        for arm in ("ill", "well"):
            if not paired and (arm == "ill") != (donor < n_donors // 2):
                continue
            for name in ("NK", "B"):
                rate = own.copy()
                if name == "NK" and arm == "ill":
                    # Half up, half down: the others' share of the counts stays as it was.
                    rate[: N_PLANTED // 2] *= fold
                    rate[N_PLANTED // 2 : N_PLANTED] /= fold
                noise = rate * np.exp(0.1 * rng.normal(size=N_GENES))
                counts.append(rng.poisson(np.tile(noise, (n_cells, 1))))
                rows += [(f"d{donor:02}", f"d{donor:02}{arm}", arm, name)] * n_cells
    obs = pd.DataFrame(rows, columns=["donor", "sample", "condition", "population"])
    obs.insert(2, "tissue", "lung")
    return tally_from_cells(np.vstack(counts), obs, [f"G{i}" for i in range(N_GENES)])


def method_of(name: str) -> Any:
    if name == "deseq2":
        pytest.importorskip("pydeseq2")
    return name


@pytest.mark.parametrize("name", ["moderated", "permutation", "deseq2"])
@pytest.mark.parametrize("paired", [False, True])
def test_planted_genes_are_found_with_their_size_and_others_are_not(
    name: Method, paired: bool
) -> None:
    contrast = tc.Contrast("condition", "ill", "well", block="donor") if paired else ARMS
    found = tc.tl.genes(donors(0, fold=4.0, paired=paired), contrast, method=method_of(name))
    planted = found.table["gene"].str[1:].astype(int) < N_PLANTED
    own = found.table[(found.table["population"] == "NK") & planted]
    size = np.where(own["gene"].str[1:].astype(int) < N_PLANTED // 2, 2.0, -2.0)
    assert (own["lower"] < size + 0.3).all()
    assert (own["upper"] > size - 0.3).all()
    others = found.table[~((found.table["population"] == "NK") & planted)]
    assert (others["qvalue"] <= 0.05).mean() <= 0.03
    if name == "permutation":
        # Twelve donors cannot pass among so many genes: the floor is told beside.
        assert (own["pvalue"] <= 0.01).mean() >= 0.9
        assert (own["p_floor"] == (1 / 2000 if paired else 2 / 924)).all()
    else:
        assert (own["qvalue"] <= 0.05).mean() >= 0.9
    assert (own["n_donors"] == 12).all()


@pytest.mark.parametrize("name", ["moderated", "permutation"])
def test_the_null_is_held_and_more_cells_do_not_break_it(name: Method) -> None:
    rates = [
        np.mean(
            np.concatenate(
                [
                    tc.tl.genes(donors(seed, n_cells=cells), ARMS, method=name).table["pvalue"]
                    for seed in range(4)
                ]
            )
            <= 0.05
        )
        for cells in (10, 60)
    ]
    assert max(rates) <= 0.075


def test_pydeseq2_says_the_same_through_us_as_by_itself() -> None:
    dds = pytest.importorskip("pydeseq2.dds")
    ds = pytest.importorskip("pydeseq2.ds")
    tally = donors(1, fold=3.0)
    found = tc.tl.genes(tally, ARMS, populations=["NK"], method="deseq2").table
    own = tally[(tally.obs["population"] == "NK").to_numpy()]
    own = own[np.argsort(own.obs["donor"].astype(str).to_numpy())]
    frame = pd.DataFrame(
        np.asarray(own.layers["counts"]).astype(int),
        index=own.obs_names,
        columns=own.var_names,
    )[list(found["gene"])]
    meta = pd.DataFrame({"condition": own.obs["condition"].astype(str)}, index=own.obs_names)
    alone = pytest.importorskip("pydeseq2.default_inference").DefaultInference(n_cpus=1)
    fitted = dds.DeseqDataSet(
        counts=frame, metadata=meta, design="~condition", inference=alone, quiet=True
    )
    fitted.deseq2()
    stats = ds.DeseqStats(
        fitted, contrast=["condition", "ill", "well"], inference=alone, quiet=True
    )
    stats.summary()
    tested = (found["status"] == "tested").to_numpy()
    np.testing.assert_allclose(
        found["shift"][tested], stats.results_df["log2FoldChange"][tested], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        found["pvalue"][tested], stats.results_df["pvalue"][tested], rtol=1e-3, atol=1e-12
    )


def test_without_pydeseq2_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydeseq2.dds", None)
    with pytest.raises(MissingExtraError, match=r"turncoat\[deseq2\]"):
        tc.tl.genes(donors(0), ARMS, method="deseq2")


def test_too_few_donors_and_silent_genes_are_counted_with_the_reason() -> None:
    tally = donors(0, n_donors=4)
    found = tc.tl.genes(tally, ARMS)
    assert found.table.empty
    assert found.dropped["reason"].str.contains("2 donors against 2").all()
    weak = donors(0)
    weak.layers["counts"][:, :5] = 0
    left = tc.tl.genes(weak, ARMS).dropped
    assert left.loc[left["what"] == "genes", "n"].ge(5).all()


def test_a_covariate_that_decides_the_arm_is_a_reason() -> None:
    tally = donors(0)
    tally.obs["batch"] = (tally.obs["condition"] == "ill").astype(float).to_numpy()
    contrast = tc.Contrast("condition", "ill", "well", covariates=("batch",))
    found = tc.tl.genes(tally, contrast)
    assert found.table.empty
    assert found.dropped["reason"].str.contains("say the same").all()


def test_bad_questions_get_clear_answers() -> None:
    tally = donors(0)
    with pytest.raises(ArgumentError, match=r"'method' should be one of .*'wilcoxon'"):
        tc.tl.genes(tally, ARMS, method="wilcoxon")  # type: ignore[arg-type]
    with pytest.raises(MissingKeyError, match="no population 'NKK'"):
        tc.tl.genes(tally, ARMS, populations=["NKK"])
    with pytest.raises(ArgumentError, match="'min_donors'"):
        tc.tl.genes(tally, ARMS, min_donors=1)


def test_tidy_tables_and_a_result_that_survives(tmp_path: Path) -> None:
    tally = donors(0, fold=4.0)
    found = tc.tl.genes(tally, ARMS)
    best = tc.get.genes(found, population="NK", fdr=0.05)
    assert best["pvalue"].is_monotonic_increasing
    assert set(best["gene"].head(5)) <= {f"G{i}" for i in range(N_PLANTED)}
    tally.write_h5ad(tmp_path / "tally.h5ad")
    again = restore(ad.read_h5ad(tmp_path / "tally.h5ad"), "genes", Genes)
    pd.testing.assert_frame_equal(again.table, found.table)
