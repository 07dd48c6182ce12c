"""Every bad study through every tool: a status or an error that explains, never a crash or p = 0."""

import dataclasses
from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.errors import CountsError, DesignError, DesignWarning, TurncoatError

UNPAIRED = tc.Contrast("condition", "case", "control")
Asked = tuple[ad.AnnData, tc.Contrast]


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=4, n_controls=4, cells_per_donor=120, n_genes=500, seed=3)


@pytest.fixture(scope="module")
def tally(cells: ad.AnnData) -> ad.AnnData:
    return tc.pp.tally(
        cells, donor_key="donor", sample_key="sample", tissue_key="tissue",
        condition_key="condition", population_key="population",
    )  # fmt: skip


@pytest.fixture(scope="module")
def programmes(cells: ad.AnnData) -> pd.DataFrame:
    genes = tc.ds.planted_truth(cells).programmes
    axis = np.where(genes["side"].str.startswith("anti"), "anti_tumour", "pro_tumour")
    return pd.DataFrame(
        {"population": genes["population"], "axis": axis, "gene": genes["gene"], "weight": 1.0}
    )


def donors(tally: ad.AnnData, arm: str) -> list[str]:
    obs = tally.obs
    return sorted(set(obs.loc[obs["condition"].astype(str) == arm, "donor"].astype(str)))


def of_donors(tally: ad.AnnData, n_case: int, n_control: int) -> ad.AnnData:
    kept = donors(tally, "case")[:n_case] + donors(tally, "control")[:n_control]
    return tally[tally.obs["donor"].astype(str).isin(kept)].copy()


def with_column(tally: ad.AnnData, name: str, values: dict[str, object]) -> ad.AnnData:
    out = tally.copy()
    out.obs[name] = [values[donor] for donor in out.obs["donor"].astype(str)]
    return out


def per_donor(tally: ad.AnnData, value: Callable[[int], object]) -> dict[str, object]:
    return {d: value(i) for i, d in enumerate(donors(tally, "case") + donors(tally, "control"))}


def arm_of(tally: ad.AnnData) -> dict[str, object]:
    return per_donor(tally, lambda number: "a" if number < 4 else "b")


def with_counts(tally: ad.AnnData, change: Callable[[np.ndarray], None]) -> ad.AnnData:
    out = tally.copy()
    layer = out.layers["counts"]
    counts = np.array(layer.todense() if hasattr(layer, "todense") else layer, dtype=float)
    change(counts)
    out.layers["counts"] = counts
    return out


def one_a_side(tally: ad.AnnData) -> Asked:
    return of_donors(tally, 1, 1), UNPAIRED


def one_case(tally: ad.AnnData) -> Asked:
    return of_donors(tally, 1, 4), UNPAIRED


def confounded(tally: ad.AnnData) -> Asked:
    asked = tc.Contrast("condition", "case", "control", covariates=("batch",))
    return with_column(tally, "batch", arm_of(tally)), asked


def confounded_block(tally: ad.AnnData) -> Asked:
    asked = tc.Contrast("condition", "case", "control", block="site")
    return with_column(tally, "site", arm_of(tally)), asked


def constant(tally: ad.AnnData) -> Asked:
    def change(counts: np.ndarray) -> None:
        counts[:] = 20

    return with_counts(tally, change), UNPAIRED


def no_spread(tally: ad.AnnData) -> Asked:
    def change(counts: np.ndarray) -> None:
        counts[:] = 20
        counts[np.ix_((tally.obs["condition"] == "case").to_numpy(), range(0, 500, 2))] = 200

    return with_counts(tally, change), UNPAIRED


def missing_covariate(tally: ad.AnnData) -> Asked:
    asked = tc.Contrast("condition", "case", "control", covariates=("age",))
    ages = per_donor(tally, lambda number: np.nan if number == 2 else float(number % 3))
    return with_column(tally, "age", ages), asked


def missing_block(tally: ad.AnnData) -> Asked:
    asked = tc.Contrast("condition", "case", "control", block="site")
    sites = per_donor(tally, lambda number: None if number == 2 else "xy"[number % 2])
    return with_column(tally, "site", sites), asked


def both_arms(tally: ad.AnnData) -> Asked:
    out = tally.copy()
    number = {d: i % 4 for i, d in enumerate(donors(tally, "case") + donors(tally, "control"))}
    out.obs["donor"] = [f"d{number[donor]}" for donor in out.obs["donor"].astype(str)]
    return out, UNPAIRED


def empty_arm(tally: ad.AnnData) -> Asked:
    gone = (tally.obs["population"] == "NK") & (tally.obs["condition"] == "case")
    return tally[~gone].copy(), UNPAIRED


def no_arm(tally: ad.AnnData) -> Asked:
    return tally[(tally.obs["condition"] == "control").to_numpy()].copy(), UNPAIRED


def missing_counts(tally: ad.AnnData) -> Asked:
    def change(counts: np.ndarray) -> None:
        counts[:, 0] = np.nan

    return with_counts(tally, change), UNPAIRED


def negative_counts(tally: ad.AnnData) -> Asked:
    def change(counts: np.ndarray) -> None:
        counts[:, 0] = -3

    return with_counts(tally, change), UNPAIRED


BAD = (
    one_a_side, one_case, confounded, confounded_block, constant, no_spread, missing_covariate,
    missing_block, both_arms, empty_arm, no_arm, missing_counts, negative_counts,
)  # fmt: skip


def ask_niche(tally: ad.AnnData, contrast: tc.Contrast, programmes: pd.DataFrame) -> object:
    arms = tally.copy()
    arms.obs["tissue"] = arms.obs[contrast.variable].astype(str)
    scores = tc.tl.axis_scores(arms, programmes=programmes, key_added=None).table
    return tc.tl.niche(
        arms, {contrast.case: contrast.reference}, scores=scores, key_added=None,
        n_permutations=199,
    )  # fmt: skip


def ask_pool(tally: ad.AnnData, contrast: tc.Contrast, programmes: pd.DataFrame) -> object:
    found = tc.tl.allegiance(
        tally, contrast, programmes=programmes, n_permutations=199, key_added=None
    )
    return tc.tl.pool({"first": found, "second": found})


def ask_genes(tally: ad.AnnData, contrast: tc.Contrast, _: pd.DataFrame) -> object:
    return tc.tl.genes(tally, contrast, populations=["NK", "Treg"], key_added=None)


def ask_genes_by_permutation(tally: ad.AnnData, contrast: tc.Contrast, _: pd.DataFrame) -> object:
    return tc.tl.genes(tally, contrast, populations=["NK"], method="permutation", key_added=None)


def ask_abundance(tally: ad.AnnData, contrast: tc.Contrast, _: pd.DataFrame) -> object:
    return tc.tl.abundance(tally, contrast, n_permutations=199, key_added=None)


def ask_crosstalk(tally: ad.AnnData, contrast: tc.Contrast, _: pd.DataFrame) -> object:
    return tc.tl.crosstalk(tally, contrast, senders=["NK"], n_permutations=99, key_added=None)


def ask_reach(tally: ad.AnnData, contrast: tc.Contrast, programmes: pd.DataFrame) -> object:
    return tc.tl.reach(tally, contrast, programmes=programmes, key_added=None)


def ask_allegiance(tally: ad.AnnData, contrast: tc.Contrast, programmes: pd.DataFrame) -> object:
    return tc.tl.allegiance(
        tally, contrast, programmes=programmes, n_permutations=199, key_added=None
    )


def ask_moderated(tally: ad.AnnData, contrast: tc.Contrast, programmes: pd.DataFrame) -> object:
    return tc.tl.allegiance(
        tally, contrast, programmes=programmes, test="moderated", n_permutations=199,
        key_added=None,
    )  # fmt: skip


TOOLS: dict[str, Callable[[ad.AnnData, tc.Contrast, pd.DataFrame], object]] = {
    "reach": ask_reach,
    "allegiance": ask_allegiance,
    "moderated": ask_moderated,
    "genes": ask_genes,
    "genes by permutation": ask_genes_by_permutation,
    "abundance": ask_abundance,
    "niche": ask_niche,
    "pool": ask_pool,
    "crosstalk": ask_crosstalk,
}


@pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_a_bad_study_is_a_status_or_an_error_that_explains(
    bad: Callable[[ad.AnnData], Asked], tool: str, tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    asked, contrast = bad(tally)
    try:
        found = TOOLS[tool](asked, contrast, programmes)
    except TurncoatError:
        return  # what it says is asked below
    assert dataclasses.is_dataclass(found)
    for entry in dataclasses.fields(found):
        table = getattr(found, entry.name)
        if isinstance(table, pd.DataFrame):
            check(table)


def check(table: pd.DataFrame) -> None:
    for name in table.columns[table.columns.str.contains("pvalue|qvalue|floor")]:
        values = table[name].to_numpy(dtype=float)
        assert not (values <= 0).any(), f"{name} is 0"
        assert not (values > 1).any(), f"{name} is above 1"
    if {"status", "pvalue"} <= set(table.columns):
        told = table["reason" if "reason" in table else "words"].astype(str).str.len() > 0
        untested = table["status"] != "tested"
        assert told[untested].all()
        assert table.loc[untested, "pvalue"].isna().all()
        assert table.loc[~untested, "pvalue"].notna().all()


@pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
@pytest.mark.parametrize("tool", ["allegiance", "genes", "abundance"])
def test_what_the_blocks_decide_is_said_with_the_donors(
    tool: str, tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    found = TOOLS[tool](*confounded_block(tally), programmes)
    table = found.dropped if tool == "genes" else found.table  # type: ignore[attr-defined]
    told = " ".join(table["reason"])
    assert "no block holds donors of both arms" in told
    assert donors(tally, "case")[0] in told


@pytest.mark.parametrize("tool", ["allegiance", "reach", "abundance", "crosstalk"])
def test_a_missing_block_names_the_donor(
    tool: str, tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    with pytest.raises(DesignError, match=f"missing for {donors(tally, 'case')[2]}"):
        TOOLS[tool](*missing_block(tally), programmes)


@pytest.mark.filterwarnings("ignore:No edge can be tested with:turncoat.errors.DesignWarning")
def test_crosstalk_tests_nothing_beside_covariates_that_cannot_be_used(
    tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    for bad, told in (
        (missing_covariate, "covariate 'age' is missing for"),
        (confounded, "the contrast say the same"),
    ):
        with pytest.warns(DesignWarning, match=told):
            found = TOOLS["crosstalk"](*bad(tally), programmes)
        table = found.table  # type: ignore[attr-defined]
        assert (table["status"] == "not_testable").all()
        assert table["reason"].str.contains("covariates are missing or decide the arm").any()


@pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
def test_empty_text_is_missing(tally: ad.AnnData, programmes: pd.DataFrame) -> None:
    asked, contrast = missing_block(tally)
    asked.obs["site"] = asked.obs["site"].fillna("")
    with pytest.raises(DesignError, match="block 'site' is missing for"):
        TOOLS["allegiance"](asked, contrast, programmes)
    beside = tc.Contrast("condition", "case", "control", covariates=("site",))
    found = TOOLS["allegiance"](asked, beside, programmes)
    table = found.table  # type: ignore[attr-defined]
    assert table["reason"].str.contains("covariate 'site' is missing for").any()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("bad", [missing_counts, negative_counts], ids=lambda bad: bad.__name__)
def test_sums_that_no_counts_have_are_refused(
    bad: Callable[[ad.AnnData], Asked], tool: str, tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    if tool == "abundance":  # counts cells alone
        return
    with pytest.raises(CountsError, match="negative or missing values"):
        TOOLS[tool](*bad(tally), programmes)


@pytest.mark.filterwarnings("ignore::turncoat.errors.TurncoatWarning")
def test_what_no_study_could_test_is_a_row_of_the_pool(
    tally: ad.AnnData, programmes: pd.DataFrame
) -> None:
    pooled = TOOLS["pool"](*empty_arm(tally), programmes)
    table = pooled.table  # type: ignore[attr-defined]
    row = table[table["population"] == "NK"].iloc[0]
    assert (row["status"], row["n_studies"]) == ("not_testable", 0)
