"""The moderated test: what it learns from, what it holds, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from allegiance.study import GENES, OTHER, PRO, planted_cells
from factories import tally_from_cells
from turncoat.allegiance.result import Allegiance
from turncoat.errors import ArgumentError, DesignWarning

PAIRED = tc.Contrast("tissue", "tumour", "normal", block="donor")
#: Eight populations of the planted study's two, each with its own scores of eight genes.
KINDS = ["NK", "Treg", "CD8 T", "CD4 T", "B", "Mast", "Monocyte", "Macrophage"]


def many_populations(
    seed: int = 0, switched: tuple[str, ...] = ("NK",), n_donors: int = 5
) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    counts, obs = [], []
    for number in range(0, len(KINDS), 2):
        some, about = planted_cells(
            n_donors=n_donors, n_cells=15, noise=0.3, seed=seed * 100 + number,
            switched=switched if number == 0 else (),
        )  # fmt: skip
        names = dict(zip(("NK", "Treg"), KINDS[number : number + 2], strict=True))
        counts.append(some)
        obs.append(about.assign(population=about["population"].replace(names)))
    anti = GENES[:8]
    table = pd.DataFrame(
        [
            (population, axis, gene, 1.0)
            for population in KINDS
            for axis, genes in (("anti_tumour", anti), ("pro_tumour", PRO))
            for gene in genes
        ],
        columns=["population", "axis", "gene", "weight"],
    )
    return np.vstack(counts), pd.concat(obs, ignore_index=True), table


def ask(counts: np.ndarray, obs: pd.DataFrame, table: pd.DataFrame) -> Allegiance:
    tally = tally_from_cells(counts, obs, GENES)
    return tc.tl.allegiance(tally, PAIRED, programmes=table, test="moderated")


@pytest.fixture(scope="module")
def study() -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    return many_populations()


def test_five_pairs_suffice_where_the_permutation_test_has_no_room(
    study: tuple[np.ndarray, pd.DataFrame, pd.DataFrame],
) -> None:
    counts, obs, table = study
    tally = tally_from_cells(counts, obs, GENES)
    exact = tc.tl.allegiance(tally, PAIRED, programmes=table).table.set_index("population")
    # 2**5 patterns of signs and eight populations: no q-value can fall below 0.05.
    assert exact.loc["NK", "verdict"] == "inconclusive"
    found = ask(counts, obs, table)
    learned = found.table.set_index("population")
    assert learned.loc["NK", "verdict"] == "switched"
    assert not (learned.drop("NK")["verdict"] == "switched").any()
    assert (learned["pvalue"] == exact["pvalue_moderated"]).all()
    assert not learned["is_exact"].any()
    assert learned["p_floor"].isna().all()
    assert found.params["scale_freedom"] > 0
    assert len(found.leave_one_out) == 5 * len(KINDS)


def test_more_cells_are_not_more_evidence(
    study: tuple[np.ndarray, pd.DataFrame, pd.DataFrame],
) -> None:
    counts, obs, table = study
    once = ask(counts, obs, table)
    twice = ask(np.vstack([counts, counts]), pd.concat([obs, obs]), table)
    pd.testing.assert_frame_equal(once.table, twice.table)
    pd.testing.assert_frame_equal(once.leave_one_out, twice.leave_one_out)


def test_without_a_switch_few_are_called() -> None:
    pvalues: list[float] = []
    for seed in range(8):
        pvalues += list(ask(*many_populations(seed + 1, switched=())).table["pvalue"])
    # 64 p-values: 0.05 is 3 of them, and 9 has a chance of 0.005.
    assert np.sum(np.array(pvalues) <= 0.05) < 9


def test_too_few_scores_fall_back_aloud_and_strange_tests_are_refused() -> None:
    counts, obs = planted_cells(n_donors=5)
    _, _, table = many_populations()
    with pytest.warns(DesignWarning, match=r"4 scores do not tell.*permutation test instead"):
        found = ask(counts, obs, table)
    assert found.params["test"] == "permutation"
    assert found.table["is_exact"].all()
    tally = tally_from_cells(counts, obs, GENES)
    assert tc.tl.allegiance(tally, PAIRED, programmes=table).table["pvalue_moderated"].isna().all()
    with pytest.raises(ArgumentError, match="'test' should be permutation or moderated"):
        tc.tl.allegiance(tally, PAIRED, programmes=table, test="exact")  # type: ignore[arg-type]


def test_genes_that_move_together_widen_the_spread() -> None:
    counts, obs, table = many_populations(switched=())
    rng = np.random.default_rng(0)
    calm = ask(counts, obs, table).params["scale_factor"]
    samples = obs["sample"] + obs["population"]
    for genes in (slice(0, 8), slice(8, 16)):
        moved = {name: np.exp(0.4 * rng.normal()) for name in samples.unique()}
        counts[:, genes] = rng.poisson(counts[:, genes] * samples.map(moved).to_numpy()[:, None])
    assert len(OTHER) == counts.shape[1] - 16
    together = ask(counts, obs, table).params["scale_factor"]
    assert together > 1.5 * calm
