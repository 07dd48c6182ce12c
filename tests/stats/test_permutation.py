import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from turncoat.errors import DesignError
from turncoat.stats.estimate import estimate
from turncoat.stats.permutation import permute
from turncoat.stats.units import arrange

values = st.lists(st.floats(-50, 50).map(lambda x: round(x, 3)), min_size=8, max_size=8)


def paired(n: int) -> tuple[list[str], list[bool]]:
    return [f"d{i}" for i in range(n)] * 2, [True] * n + [False] * n


def test_published_value() -> None:
    # Fisher (1935), section 21: Darwin's 15 pairs of maize, in eighths of an inch;
    # 863 of 32 768 patterns have a sum at least as large, in one direction.
    darwin = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    donors, case = paired(15)
    units = arrange(donors, case, block="donor")
    assert not permute(np.r_[darwin, darwin * 0][:, None], units, n_permutations=99).is_exact
    # 15 pairs are sampled by default; 14 pairs of them can be enumerated and counted by hand.
    fewer = darwin[:14]
    signs = np.array(list(itertools.product([1, -1], repeat=14)))
    by_hand = np.mean(np.abs(signs @ fewer) >= abs(fewer.sum()) - 1e-9)
    donors, case = paired(14)
    permuted = permute(np.r_[fewer, fewer * 0][:, None], arrange(donors, case, block="donor"))
    assert permuted.is_exact
    assert permuted.pvalue()[0] == by_hand
    sampled = permute(np.r_[darwin, darwin * 0][:, None], units, n_permutations=49_999)
    assert sampled.pvalue()[0] == pytest.approx(2 * 863 / 2**15, abs=0.005)


@settings(max_examples=25, deadline=None)
@given(values)
def test_unpaired_equals_scipy_permutation_of_welch(y: list[float]) -> None:
    x = np.array(y) + np.arange(8) * 1e-3  # no ties, no arm without spread
    case = np.array([True] * 3 + [False] * 5)

    def welch(chosen: tuple[int, ...]) -> float:
        arm = np.isin(np.arange(8), chosen)
        return float(oracle.ttest_ind(x[arm], x[~arm], equal_var=False).statistic)

    every = [welch(chosen) for chosen in itertools.combinations(range(8), 3)]
    expected = np.mean(np.array(every) >= every[0] - 1e-9)
    found = permute(x[:, None], arrange([f"d{i}" for i in range(8)], case))
    assert found.pvalue_greater()[0] == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(values, st.floats(0.01, 100), st.permutations(range(8)))
def test_order_sign_and_unit_do_not_matter(y: list[float], unit: float, order: list[int]) -> None:
    x = np.array(y)[:, None] + np.arange(8)[:, None] * 0.01
    donors, case = [f"d{i}" for i in range(8)], np.arange(8) < 4
    expected = permute(x, arrange(donors, case)).pvalue()[0]
    shuffled = permute(x[order], arrange([donors[i] for i in order], case[order])).pvalue()[0]
    assert shuffled == pytest.approx(expected)
    assert permute(-unit * x, arrange(donors, case)).pvalue()[0] == pytest.approx(expected)


def test_welch_interval_and_paired_interval_equal_scipy() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(1, 2, 7), rng.normal(0, 1, 5)
    units = arrange([f"d{i}" for i in range(12)], [True] * 7 + [False] * 5)
    found = estimate(np.r_[x, y][:, None], units)
    expected = oracle.ttest_ind(x, y, equal_var=False)
    assert found.freedom[0] == pytest.approx(expected.df)
    assert found.interval()[0][0] == pytest.approx(expected.confidence_interval().low)
    donors, case = paired(5)
    both = estimate(np.r_[x[:5], y][:, None], arrange(donors, case, block="donor"))
    pair = oracle.ttest_rel(x[:5], y)
    assert both.interval()[1][0] == pytest.approx(pair.confidence_interval().high)


def test_single_donors_add_to_pairs_and_a_lone_pair_gives_way() -> None:
    rng = np.random.default_rng(2)
    donors, case = paired(6)
    donors, case = [*donors, *(f"s{i}" for i in range(12))], [*case, *([True, False] * 6)]
    units = arrange(donors, case, block="donor")
    assert units.pairing == "partly paired"
    assert units.n_arrangements == 2**6 * 924
    x = rng.normal(size=(24, 1)) + np.array(case)[:, None]
    alone = estimate(x[:12], units.take(np.arange(24) < 12)).error[0]
    assert estimate(x, units).error[0] < alone
    lone = units.take(np.array([donor == "d0" or donor.startswith("s") for donor in donors]))
    assert np.isfinite(estimate(x[[d == "d0" or d[0] == "s" for d in donors]], lone).error[0])


def test_pairing_is_worth_having() -> None:
    rng = np.random.default_rng(3)
    donors, case = paired(8)
    effect = rng.normal(0, 5, 8)
    x = (np.r_[effect + 1, effect] + rng.normal(0, 0.5, 16))[:, None]
    assert permute(x, arrange(donors, case, block="donor")).pvalue()[0] < 0.02
    other = [f"{name}{side}" for name, side in zip(donors, case, strict=True)]
    assert permute(x, arrange(other, case)).pvalue()[0] > 0.2


def test_blocks_keep_labels_within_batches() -> None:
    batch = ["x"] * 6 + ["y"] * 6
    case = np.array([True] * 4 + [False] * 2 + [True] * 2 + [False] * 4)
    shift = np.where(np.array(batch) == "x", 100.0, 0.0)
    rng = np.random.default_rng(4)
    value = (shift + rng.normal(size=12))[:, None]
    names = [f"d{i}" for i in range(12)]
    assert permute(value, arrange(names, case, block=batch)).pvalue()[0] > 0.05
    assert arrange(names, case, block=batch).n_arrangements == 15**2


def test_equal_spread_never_gives_zero_and_constant_scores_give_one() -> None:
    units = arrange([f"d{i}" for i in range(6)], [True] * 3 + [False] * 3)
    split = np.array([1.0, 1, 1, 0, 0, 0])[:, None]
    assert permute(split, units).pvalue()[0] == pytest.approx(0.1)
    assert permute(np.ones((6, 1)), units).pvalue()[0] == 1.0


@pytest.mark.parametrize(
    ("kind", "n_case", "n_reference"), [("paired", 8, 8), ("unpaired", 6, 6), ("unpaired", 4, 9)]
)
def test_null_rejects_no_more_than_it_says(kind: str, n_case: int, n_reference: int) -> None:
    rng = np.random.default_rng(5)
    case = [True] * n_case + [False] * n_reference
    if kind == "paired":
        units = arrange(paired(8)[0], case, block="donor")
    else:
        units = arrange([f"d{i}" for i in range(len(case))], case)
    skewed = rng.gamma(0.7, size=(len(case), 4_000))
    rate = np.mean(permute(skewed, units).pvalue() <= 0.05)
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4_000)
    assert rate > 0.025


def test_unequal_spread_of_arms_does_not_pass_for_a_shift() -> None:
    rng = np.random.default_rng(6)
    values = np.vstack([rng.normal(0, 3, size=(5, 1_000)), rng.normal(0, 1, size=(15, 1_000))])
    units = arrange([f"d{i}" for i in range(20)], [True] * 5 + [False] * 15)
    pooled = oracle.ttest_ind(values[:5], values[5:]).pvalue
    assert np.mean(pooled <= 0.05) > 0.2
    assert np.mean(permute(values, units).pvalue() <= 0.05) < 0.12


def test_draws_are_fixed_by_the_seed_and_never_reach_zero() -> None:
    rng = np.random.default_rng(7)
    units = arrange([f"d{i}" for i in range(40)], np.arange(40) < 20)
    x = rng.normal(size=(40, 2)) + 5.0 * (np.arange(40) < 20)[:, None]
    first = permute(x, units, n_permutations=199, seed=1)
    assert not first.is_exact
    assert first.pvalue()[0] == 1 / 200
    np.testing.assert_array_equal(
        first.statistics, permute(x, units, n_permutations=199, seed=1).statistics
    )
    other = permute(x, units, n_permutations=199, seed=2).statistics
    assert not np.array_equal(first.statistics, other)


def test_weights_travel_with_their_donors() -> None:
    x = np.array([[9.0], [1.0], [1.1], [0.0], [0.1], [0.2]])
    units = arrange([f"d{i}" for i in range(6)], [True] * 3 + [False] * 3)
    weights = np.array([0.01, 1, 1, 1, 1, 1])
    assert estimate(x, units, weights=weights).effect[0] == pytest.approx(0.99, abs=0.06)
    with pytest.raises(DesignError, match="positive numbers"):
        permute(x, units, weights=np.zeros(6))


def test_designs_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(DesignError, match="both arms of an unpaired contrast"):
        arrange(["a", "a", "b"], [True, False, True])
    with pytest.raises(DesignError, match="several"):
        arrange(["a", "a", "b"], [True, True, False])
    one_arm = arrange(["a", "b"], [True, True])
    with pytest.raises(DesignError, match="one arm only"):
        permute(np.ones((2, 1)), one_arm)
    units = arrange(["a", "b", "c"], [True, True, False])
    with pytest.raises(DesignError, match="Donor 'b' has a missing value"):
        permute(np.array([[1.0], [np.nan], [2.0]]), units)
    with pytest.raises(DesignError, match="one row of values per unit"):
        permute(np.ones((2, 1)), units)


def test_floor_is_what_the_best_data_reach() -> None:
    for units in (
        arrange(*paired(6), block="donor"),
        arrange([f"d{i}" for i in range(8)], np.arange(8) < 4),
        arrange([f"d{i}" for i in range(8)], np.arange(8) < 3),
    ):
        x = np.where(units.case, 10.0, 0.0) + np.linspace(0, 1, units.case.size)
        permuted = permute(x[:, None], units)
        assert permuted.pvalue()[0] == pytest.approx(units.floor(9_999), rel=1e-9)
        assert permuted.pvalue_greater()[0] == pytest.approx(units.floor(9_999, sides=1))
