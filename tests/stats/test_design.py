import numpy as np
import pandas as pd
import pytest
from scipy import stats as oracle

from turncoat.errors import ArgumentError, DesignError, DesignWarning
from turncoat.stats.adjusted import compare_adjusted
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import beta_binomial_pvalue, centred_log_ratios, fit_beta_binomial
from turncoat.stats.design import covariate_columns
from turncoat.stats.moderated import fit_linear, moderated_test, squeeze_variances, voom
from turncoat.stats.pooling import pool_donors, pool_fixed, pool_random, pool_same
from turncoat.stats.power import detectable_effect
from turncoat.stats.units import Units, arrange


def twelve() -> Units:
    return arrange([f"d{i:02}" for i in range(12)], np.arange(12) < 6)


def test_estimate_beside_a_covariate_equals_least_squares() -> None:
    rng = np.random.default_rng(0)
    age = rng.normal(60, 8, 12)
    units = twelve()
    y = (0.1 * age + 2.0 * units.case + rng.normal(size=12))[:, None]
    columns = covariate_columns(pd.DataFrame({"age": age}), ["age"], units)
    permuted, found = compare_adjusted(y, units, columns, n_permutations=199)
    design = np.column_stack([np.ones(12), units.case, age])
    beta, rest = np.linalg.lstsq(design, y[:, 0], rcond=None)[:2]
    error = np.sqrt(rest[0] / 9 * np.linalg.inv(design.T @ design)[1, 1])
    assert found.effect[0] == pytest.approx(beta[1])
    assert found.error[0] == pytest.approx(error)
    assert permuted.statistics[0, 0] == pytest.approx(beta[1] / error)


def test_a_confounder_is_adjusted_away_and_the_null_holds() -> None:
    rng = np.random.default_rng(1)
    units = twelve()
    age = np.where(units.case, 70, 50) + rng.normal(0, 8, 12)
    y = 0.2 * age[:, None] + rng.gamma(1.0, size=(12, 2_000))
    columns = covariate_columns(pd.DataFrame({"age": age}), ["age"], units)
    donors = Donors(units, np.ones(12), columns)
    rate = np.mean(compare(y, donors, n_permutations=399)[0].pvalue() <= 0.05)
    assert 0.03 <= rate <= 0.065
    plain = Donors(units, np.ones(12), np.zeros((12, 0)))
    assert np.mean(compare(y, plain)[0].pvalue() <= 0.05) > 0.5


def test_order_of_donors_does_not_matter_to_adjusted_tests() -> None:
    rng = np.random.default_rng(2)
    units, order = twelve(), rng.permutation(12)
    y, age = rng.normal(size=(12, 1)), rng.normal(size=12)
    columns = covariate_columns(pd.DataFrame({"age": age}), ["age"], units)
    first = compare_adjusted(y, units, columns, n_permutations=99)[0].pvalue()
    shuffled = arrange([units.donors[i] for i in order], units.case[order])
    second = compare_adjusted(y[order], shuffled, columns[order], n_permutations=99)[0].pvalue()
    np.testing.assert_allclose(first, second)


def test_confounding_is_explained_in_words() -> None:
    units = twelve()
    batch = pd.DataFrame({"batch": np.where(units.case, "new", "old")})
    with pytest.raises(
        DesignError, match=r"'batch=old' and the contrast say the same: it sets d06"
    ):
        covariate_columns(batch, ["batch"], units)
    age = pd.DataFrame({"age": [np.nan, *range(11)]})
    with pytest.raises(DesignError, match="'age' is missing for d00"):
        covariate_columns(age, ["age"], units)
    with pytest.raises(DesignError, match="not finite"):
        covariate_columns(pd.DataFrame({"age": [np.inf, *range(11)]}), ["age"], units)
    many = pd.DataFrame({f"x{i}": np.random.default_rng(i).normal(size=12) for i in range(10)})
    with pytest.raises(DesignError, match="cannot carry 12 columns"):
        covariate_columns(many, [f"x{i}" for i in range(10)], units)
    assert covariate_columns(pd.DataFrame({"same": ["a"] * 12}), ["same"], units).shape == (12, 0)
    pairs = arrange(["a", "b", "c"] * 2, [True] * 3 + [False] * 3, block="donor")
    sex = pd.DataFrame({"sex": ["m", "f", "f"] * 2})
    # A donor's own sex cannot differ between the arms of a pair: nothing to adjust for.
    assert covariate_columns(sex, ["sex"], pairs).shape == (6, 0)


def test_a_covariate_that_others_say_already_is_named_and_left_out() -> None:
    units = twelve()
    given = pd.DataFrame({"age": np.arange(12.0) % 5, "clinic": list("ab") * 6})
    twice = given.assign(months=12 * given["age"] + (given["clinic"] == "b"))
    with pytest.warns(DesignWarning, match=r"'months', which sets d01.* says what age, clinic=b"):
        columns = covariate_columns(twice, ["age", "clinic", "months"], units)
    np.testing.assert_array_equal(columns, covariate_columns(given, ["age", "clinic"], units))


def test_detectable_effect_is_found_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    n, sd = 6, 1.0
    shift = detectable_effect(sd * np.sqrt(2 / n), 2 * n - 2)
    x, y = rng.normal(shift, sd, (4_000, n)), rng.normal(0, sd, (4_000, n))
    assert np.mean(oracle.ttest_ind(x, y, axis=1).pvalue <= 0.05) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(detectable_effect(float("nan"), 5))
    with pytest.raises(ArgumentError, match="level < power"):
        detectable_effect(1.0, 5, level=0.9)


def test_pooling_refuses_what_it_cannot_pool_and_never_has_negative_spread() -> None:
    agreeing = pool_random(np.array([0.3, 0.31, 0.29]), np.array([0.2, 0.1, 0.3]))
    assert agreeing.tau2 == 0
    # Three studies that agree by luck are no surer than their own standard errors.
    assert agreeing.error == pytest.approx(
        pool_fixed(np.array([0.3] * 3), np.array([0.2, 0.1, 0.3])).error
    )
    with pytest.raises(ArgumentError, match="at least two"):
        pool_random(np.array([0.3]), np.array([0.1]))
    with pytest.raises(ArgumentError, match="positive"):
        pool_fixed(np.array([0.3, 0.2]), np.array([0.1, 0.0]))
    with pytest.raises(ArgumentError, match="one standard error per effect"):
        pool_fixed(np.array([0.3, 0.2]), np.array([0.1]))
    with pytest.raises(ArgumentError, match="at least two"):
        pool_donors(np.array([0.3]), np.array([0.1]), np.array([5.0]))
    two, errors = np.array([0.3, 0.2]), np.array([0.1, 0.2])
    with pytest.raises(ArgumentError, match="one positive number of donors per study"):
        pool_donors(two, errors, np.array([5.0, 0.0]))
    with pytest.raises(ArgumentError, match="degrees of freedom per study"):
        pool_same(two, errors, np.array([8.0, np.nan]), np.array([5.0, 5.0]))


def test_studies_of_one_size_are_pooled_as_by_students_test_and_two_as_by_welchs() -> None:
    rng = np.random.default_rng(3)
    effects, errors = rng.normal(0.4, 0.3, 5), rng.uniform(0.1, 0.4, 5)
    found = pool_donors(effects, errors, np.full(5, 2.5))
    oracle_test = oracle.ttest_1samp(effects, 0.0)
    assert found.pvalue == pytest.approx(oracle_test.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(oracle_test.confidence_interval()))
    assert found.tau2 == pool_random(effects, errors).tau2
    # A difference of two means is the sum of one and the other turned round.
    x, y = rng.normal(1, 1, 6), rng.normal(0, 2, 9)
    means = np.array([x.mean(), -y.mean()])
    error = np.array([x.std(ddof=1) / np.sqrt(6), y.std(ddof=1) / 3])
    same = pool_same(means, error, np.array([5.0, 8.0]), np.array([1.0, 1.0]))
    welch = oracle.ttest_ind(x, y, equal_var=False)
    assert same.pvalue == pytest.approx(welch.pvalue, rel=1e-12)
    assert same.freedom == pytest.approx(welch.df, rel=1e-12)


def test_effects_that_are_the_same_to_the_last_digit_have_no_interval() -> None:
    found = pool_donors(np.full(3, 0.2), np.array([0.1, 0.2, 0.3]), np.ones(3))
    assert found.effect == pytest.approx(0.2)
    assert np.isnan([found.low, found.high, found.pvalue]).all()


def test_a_study_that_seems_sure_by_luck_weighs_no_more_than_its_donors() -> None:
    effects, errors = np.array([0.9, 0.0, 0.1]), np.array([0.01, 0.5, 0.5])
    donors = np.array([4.0, 4.0, 16.0])
    assert pool_donors(effects, errors, donors).effect == pytest.approx((0.9 + 0.2) / 4)
    assert pool_random(effects, errors).effect > 0.4
    found = pool_donors(effects, errors, donors)
    assert found.prediction_low < found.low < found.effect < found.high < found.prediction_high


@pytest.mark.slow
def test_pooling_holds_its_level_with_few_donors() -> None:
    rng = np.random.default_rng(5)
    calls = {"donors": 0, "two": 0, "guarded": 0}
    n_sets, sizes = 3_000, np.array([5, 5, 20, 20])
    for _ in range(n_sets):
        arms = [(rng.normal(rng.normal(0, 0.3), 1, n), rng.normal(0, 1, n)) for n in sizes]
        effects = np.array([x.mean() - y.mean() for x, y in arms])
        errors = np.sqrt([x.var(ddof=1) / x.size + y.var(ddof=1) / y.size for x, y in arms])
        calls["donors"] += pool_donors(effects, errors, sizes / 2).pvalue <= 0.05
        calls["guarded"] += pool_random(effects, errors).pvalue <= 0.05
        x, y = rng.normal(size=(2, 2, 5))
        error = np.sqrt((x.var(axis=1, ddof=1) + y.var(axis=1, ddof=1)) / 5)
        two = pool_same(x.mean(axis=1) - y.mean(axis=1), error, np.full(2, 7.0), np.full(2, 2.5))
        calls["two"] += two.pvalue <= 0.05
    # A standard error of 0.004.
    assert 0.03 <= calls["donors"] / n_sets <= 0.065
    assert 0.03 <= calls["two"] / n_sets <= 0.065
    assert calls["guarded"] < calls["donors"]


def test_linear_models_refuse_designs_without_a_spread() -> None:
    with pytest.raises(DesignError, match="cannot carry a model"):
        fit_linear(np.ones((2, 3)), np.eye(2))
    with pytest.raises(DesignError, match="depend on each other"):
        fit_linear(np.ones((5, 3)), np.ones((5, 2)))
    with pytest.raises(DesignError, match="should have counts"):
        voom(np.zeros((4, 3)), np.ones((4, 1)))
    assert squeeze_variances(np.array([1.0, 2.0]), 4) == (0.0, 1.5)
    constant = moderated_test(
        fit_linear(np.ones((6, 4)), np.column_stack([np.ones(6), np.arange(6)])), 1
    )
    assert np.isnan(constant.pvalue).all()


def test_shares_that_say_nothing_are_refused() -> None:
    design = np.column_stack([np.ones(6), np.arange(6) < 3])
    with pytest.raises(DesignError, match="absent, or alone"):
        fit_beta_binomial(np.zeros(6), np.full(6, 10.0), design)
    with pytest.raises(DesignError, match="should have cells"):
        fit_beta_binomial(np.ones(6), np.zeros(6), design)
    assert centred_log_ratios(np.array([[3.0, 9, 27]])).sum() == pytest.approx(0)


def test_beta_binomial_holds_its_level_with_few_donors() -> None:
    rng = np.random.default_rng(4)
    design = np.column_stack([np.ones(10), np.arange(10) < 5])
    rejected = []
    for _ in range(150):
        total = rng.integers(50, 400, 10).astype(float)
        share = rng.beta(2, 18, 10)
        count = rng.binomial(total.astype(int), share).astype(float)
        rejected.append(beta_binomial_pvalue(count, total, design, 1)[1] <= 0.05)
    assert np.mean(rejected) <= 0.1
