"""The test of a state: exact under flips of signs, and blind to depth."""

import numpy as np
import pytest

from turncoat.allegiance.substates_flips import (
    MIN_ALL,
    Shifts,
    _statistics,
    ask_states,
    depth_strata,
    flips,
    shifts,
    smallest_pvalue,
)

HALVES = np.arange(12) % 2 == 0


def drawn(seed: int, up: float = 0.0, n_donors: int = 12, n_genes: int = 80) -> Shifts:
    rng = np.random.default_rng(seed)
    counts = 3 * rng.normal(size=(n_donors, n_genes))
    counts[:, :10] += up
    return Shifts(counts, np.full(counts.shape, 9.0))


def test_every_arrangement_is_listed_once_and_the_observed_one_first() -> None:
    listed = flips(6)
    assert (listed[0] == 1).all()
    assert len(np.unique(listed, axis=0)) == len(listed) == 2**5
    assert (flips(40)[0] == 1).all()


def test_pvalues_are_uniform_without_a_state_and_small_with_one() -> None:
    both = [ask_states([drawn(seed), drawn(1000 + seed)], HALVES) for seed in range(400)]
    alone = np.array([pvalue for pvalues, _ in both for pvalue in pvalues])
    best = np.array([adjusted.min() for _, adjusted in both])
    # Sampling alone moves the shares of 800 and 400 p-values by 0.008 and 0.011, their mean by 0.01.
    assert abs((alone <= 0.05).mean() - 0.05) <= 0.025
    assert abs((best <= 0.05).mean() - 0.05) <= 0.035
    assert abs(alone.mean() - 0.5) <= 0.04
    assert ask_states([drawn(0, up=4.0)], HALVES)[0][0] == pytest.approx(1 / 2**11)


@pytest.mark.parametrize("silent", [[], [0], [3, 8]])
def test_the_floor_is_the_smallest_pvalue_that_a_perfect_state_reaches(silent: list[int]) -> None:
    one = drawn(0, up=40.0)
    one.counts[silent] = 0
    one.variance[silent] = 0
    assert smallest_pvalue(one) == 0.5 ** (11 - len(silent))
    assert ask_states([one], HALVES)[0][0] == pytest.approx(smallest_pvalue(one))


def test_the_floor_of_many_donors_is_that_of_the_flips_that_are_drawn() -> None:
    assert smallest_pvalue(drawn(0, n_donors=40)) == 1e-4


def test_the_quick_form_is_the_statistic_that_is_written_down() -> None:
    one = drawn(3, up=1.0)
    signs = flips(12)
    expected = []
    for row in signs[:50]:
        turned = one.counts * row[:, np.newaxis]
        weights = turned[HALVES].sum(axis=0) / (one.variance[HALVES].sum(axis=0) + 8)
        spread = np.sqrt((weights**2 * one.variance[~HALVES].sum(axis=0)).sum())
        expected.append((weights * turned[~HALVES].sum(axis=0)).sum() / spread)
    np.testing.assert_allclose(_statistics(one, HALVES, signs[:50]), expected, rtol=1e-9)


def test_what_only_the_donors_who_learnt_it_have_is_not_called_oftener_than_by_chance() -> None:
    called = []
    for seed in range(200):
        one = drawn(seed)
        one.counts[HALVES, :10] += 4.0
        called.append(ask_states([one], HALVES)[0][0] <= 0.05)
    assert np.mean(called) <= 0.09


def test_too_few_donors_are_not_asked() -> None:
    few = drawn(0, up=4.0)
    few.counts[MIN_ALL - 1 :] = 0
    few.variance[MIN_ALL - 1 :] = 0
    alone, adjusted = ask_states([few, drawn(1, up=4.0)], HALVES)
    assert np.isnan(alone[0])
    assert np.isnan(adjusted[0])
    assert alone[1] < 0.01
    assert np.isnan(ask_states([few], HALVES)[1]).all()


def test_depth_alone_shifts_no_gene() -> None:
    # Deep cells are called a state; levels of genes on a log scale would bend, each in its own way.
    rng = np.random.default_rng(0)
    donors = np.repeat(np.arange(10), 400)
    depth = rng.lognormal(6, 0.8, donors.size)
    share = rng.dirichlet(np.full(60, 0.5))
    counts = rng.poisson(depth[:, np.newaxis] * share).astype(float)
    inside = depth * rng.lognormal(0, 0.3, donors.size) > np.exp(6.3)
    strata = depth_strata(depth * rng.lognormal(0, 0.1, donors.size), donors)
    found = shifts(counts, inside, donors, strata)
    z = found.counts.sum(axis=0) / np.sqrt(found.variance.sum(axis=0))
    assert np.abs(z).max() < 4
    assert 0.7 < z.std() < 1.3
    levels = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    bent = levels[inside].mean(axis=0) - levels[~inside].mean(axis=0)
    error = levels.std(axis=0) * np.sqrt(1 / inside.sum() + 1 / (~inside).sum())
    assert np.abs(bent / error).max() > 6


def test_a_donor_without_cells_of_both_kinds_says_nothing() -> None:
    donors = np.repeat([0, 1], 20)
    inside = np.zeros(40, dtype=bool)
    inside[:10] = inside[20:22] = True
    counts = np.random.default_rng(0).poisson(5, (40, 7)).astype(float)
    found = shifts(counts, inside, donors, depth_strata(counts[:, 0], donors))
    assert found.speaks.tolist() == [True, False]
    assert (found.counts[1] == 0).all()
