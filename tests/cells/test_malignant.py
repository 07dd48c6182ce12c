"""Malignant or normal: planted losses are found, noise is not, and bad designs are refused."""

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.cells import Malignancy, malignant
from turncoat.cells.copynumber import order_genes
from turncoat.cells.kernels import profile_cells
from turncoat.errors import CountsError, DesignError, StudyError
from turncoat.knowledge import read_table
from turncoat.tables import restore, store


def genes() -> list[str]:
    table = read_table("gene_positions")
    return table.loc[table["species"] == "human", "gene"].tolist()[::6]


def planted(lost: str = "3p", n: int = 60, seed: int = 0, *, loss: float = 0.5) -> ad.AnnData:
    """Two donors; malignant cells express one arm at half; epithelial cells have their own genes."""
    rng = np.random.default_rng(seed)
    names = genes()
    genome = order_genes(pd.Index(names), "human")
    on_arm = genome.columns[genome.arm == lost]
    rate = rng.gamma(1.0, 1.0, len(names))
    own = rng.choice(len(names), 150, replace=False)
    blocks, obs = [], []
    for donor in ("d1", "d2"):
        for kind, truth in (("T", "normal"), ("Stromal", "normal"), ("Epithelial", "malignant")):
            mean = rate.copy()
            if kind == "Epithelial":
                mean[own] *= 3
            if truth == "malignant":
                mean[on_arm] *= loss
            blocks.append(rng.poisson(mean, (n, len(names))))
            obs += [(donor, kind, truth)] * n
    table = pd.DataFrame(obs, columns=["donor", "lineage", "truth"])
    table.index = [f"c{k}" for k in range(len(table))]
    return ad.AnnData(np.vstack(blocks).astype(float), obs=table, var=pd.DataFrame(index=names))


def test_a_planted_loss_is_found_and_its_cells_called() -> None:
    cells = planted()
    found = malignant(cells, donor_key="donor", lineage_key="lineage")
    call, truth = found.cells["call"].to_numpy(), cells.obs["truth"].to_numpy()
    assert (call[truth == "malignant"] == "malignant").mean() > 0.9
    assert (call[truth == "normal"] == "malignant").mean() == 0
    for _, arms in found.arms[found.arms["n_genes"] >= 20].groupby("donor"):
        assert arms.sort_values("shift")["arm"].iloc[0] == "3p"


def test_the_result_survives_h5ad(tmp_path: object) -> None:
    found = malignant(planted(), donor_key="donor", lineage_key="lineage")
    shell = ad.AnnData(obs=pd.DataFrame(index=["a"]))
    store(shell, "malignant", found)
    again = restore(shell, "malignant", Malignancy)
    pd.testing.assert_frame_equal(again.donors, found.donors)


def test_order_of_cells_does_not_matter() -> None:
    cells = planted()
    one = malignant(cells, donor_key="donor", lineage_key="lineage").cells
    two = malignant(cells[::-1].copy(), donor_key="donor", lineage_key="lineage").cells
    two = two.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_series_equal(one["call"], two["call"])
    np.testing.assert_allclose(one["agreement"], two["agreement"], atol=1e-6)


def test_a_donor_without_normal_cells_leans_on_the_others_and_says_so() -> None:
    cells = planted()
    alone = cells[(cells.obs["donor"] == "d1") | (cells.obs["lineage"] == "Epithelial")].copy()
    found = malignant(alone, donor_key="donor", lineage_key="lineage")
    d2 = found.donors.set_index("donor").loc["d2"]
    assert "compared with those of other donors" in d2["remark"]
    assert d2["n_malignant"] >= 50


def test_tissue_free_of_tumour_is_never_called_malignant() -> None:
    cells = planted()
    cells.obs["free"] = (cells.obs["donor"] == "d2").to_numpy()
    found = malignant(cells, donor_key="donor", lineage_key="lineage", normal_key="free")
    assert not (found.cells.loc[found.cells["donor"] == "d2", "call"] == "malignant").any()


def test_too_little_to_compare_with_is_refused() -> None:
    cells = planted(n=5)
    tumour = cells[(cells.obs["lineage"] == "Epithelial") | (cells.obs["donor"] == "d1")].copy()
    with pytest.raises(DesignError, match="at least 20 normal cells"):
        malignant(tumour, donor_key="donor", lineage_key="lineage")
    with pytest.raises(StudyError, match="No cell is of the lineages"):
        malignant(cells, donor_key="donor", lineage_key="lineage", candidates=("Melanocyte",))
    with pytest.raises(CountsError, match="at least 500 genes"):
        malignant(planted()[:, :100].copy(), donor_key="donor", lineage_key="lineage")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 40), st.integers(1, 12))
def test_profiles_meet_their_twin(seed: int, n_cells: int, n_genes: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    shown = rng.random((n_cells, n_genes + 3)) * (rng.random((n_cells, n_genes + 3)) < 0.4)
    logged = sp.csr_matrix(shown.astype(np.float32))
    border = n_genes // 2
    column = np.arange(n_genes)
    low, high = np.where(column < border, 0, border), np.where(column < border, border, n_genes)
    first = np.maximum(column - size // 2, low)
    last = np.maximum(np.minimum(column + size - size // 2, high), first + 1)
    ranges = np.sort(rng.gamma(0.5, 0.3, (2, n_genes)), axis=0)
    cuts, spans = np.unique(np.stack([first, last], axis=1), return_inverse=True)
    silent = np.clip(np.minimum(-ranges[0], 0), -0.5, 0.5)
    place = np.searchsorted(cuts, column, side="right")
    limits = np.tile([-np.inf, np.inf, 0.0], (n_genes + 3, 1))
    stretch = np.full(n_genes + 3, cuts.size, dtype=np.int32)
    ordered = rng.permutation(n_genes + 3)[:n_genes]
    limits[ordered] = np.stack([*ranges, silent], axis=1)
    stretch[ordered] = place
    sums = np.zeros((2, cuts.size + 1))
    sums[0] = np.bincount(place, weights=silent, minlength=cuts.size + 1)
    made = [np.zeros((n_cells, n_genes), dtype=np.float32) for _ in range(2)]
    both: list[Any] = [profile_cells, profile_cells.reference]
    for run, profiles in zip(both, made, strict=True):
        run(
            logged.data, logged.indices.astype(np.int32), logged.indptr.astype(np.int64), limits,
            stretch, 0.5, spans.reshape(-1, 2), 1 / (last - first), sums, profiles,
        )  # fmt: skip
    # As plainly as can be: every gene of every window.
    values = shown[:, ordered].astype(np.float32)
    outside = np.maximum(values - ranges[1], 0) + np.minimum(values - ranges[0], 0)
    outside = np.clip(outside, -0.5, 0.5)
    plain = np.stack([outside[:, a:b].mean(axis=1) for a, b in zip(first, last, strict=True)], 1)
    np.testing.assert_allclose(made[1], plain, atol=1e-6)
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)


def test_more_candidates_than_teach_are_called_like_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = planted(n=120, seed=5)
    whole = malignant(cells, donor_key="donor", lineage_key="lineage")
    monkeypatch.setattr("turncoat.cells.search.MAX_TAUGHT", 60)
    monkeypatch.setattr("turncoat.cells.search.CELLS_AT_ONCE", 17)
    found = malignant(cells, donor_key="donor", lineage_key="lineage")
    assert (found.cells["call"] == whole.cells["call"]).mean() > 0.97
    truth = cells.obs["truth"].to_numpy()
    assert (found.cells["call"].to_numpy()[truth == "malignant"] == "malignant").mean() > 0.8
    assert "60 of its candidates" in found.donors["remark"].iloc[0]
    for _, arms in found.arms[found.arms["n_genes"] >= 20].groupby("donor"):
        assert arms.sort_values("shift")["arm"].iloc[0] == "3p"
