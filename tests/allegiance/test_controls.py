"""What is taken out of a score: depth, noise and the library's make-up, and what must not be put in."""

import numpy as np
import pytest

from turncoat.allegiance.background import fit_background, log_rates
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import cell_weights, even_cells, gene_levels, matched_scores
from turncoat.tables import FloatArray, IntArray

GENES: IntArray = np.arange(12, dtype=np.int64)
AXIS = Programme("p", "anti_tumour", GENES, np.ones(12), ())
CASE = np.repeat([True, False], 8)


def levels_of(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.5, 3.0, 400)
    level[GENES] = rng.uniform(1.0, 2.5, 12)
    varied: FloatArray = level + 0.3 * rng.normal(size=(CASE.size, 400))
    return varied


def score_of(levels: FloatArray) -> FloatArray:
    return gene_levels(levels, AXIS, fit_background(levels, GENES)).scores


def shift_of(levels: FloatArray) -> float:
    score = score_of(levels)
    return float(score[CASE].mean() - score[~CASE].mean())


def counts_of(seed: int, depth: FloatArray, genes: int = 400) -> FloatArray:
    rng = np.random.default_rng(seed)
    rate = rng.lognormal(0.0, 1.6, genes)
    rate[GENES] = rng.uniform(0.3, 2.0, 12)
    varied = rate * np.exp(0.3 * rng.normal(size=(depth.size, genes)))
    mean = depth[:, np.newaxis] * varied / varied.sum(axis=1, keepdims=True)
    counts: FloatArray = rng.poisson(mean).astype(float)
    return counts


def test_genes_that_answer_a_signal_hardly_move_a_programme_that_does_not() -> None:
    ours, plain = [], []
    free = np.arange(12, 400)
    for seed in range(20):
        levels = levels_of(seed)
        answering = np.random.default_rng([seed, 1]).choice(free, 30, replace=False)
        moved = levels.copy()
        moved[np.ix_(CASE, answering)] += 1.0
        ours.append(shift_of(moved) - shift_of(levels))
        plain.append(-1.0 * answering.size / free.size)
    assert np.mean(plain) < -0.07
    assert abs(np.mean(ours)) < abs(np.mean(plain)) / 2


def test_a_gene_as_large_as_a_lineage_does_not_enter() -> None:
    levels = levels_of(0)
    turned = levels.copy()
    turned[:, 100] += 5 * np.where(np.arange(CASE.size) % 2, 1.0, -1.0)
    assert np.abs(score_of(turned) - score_of(levels)).max() < 0.03


def test_what_is_expected_knows_no_arms_order_or_number_of_cells() -> None:
    counts = np.random.default_rng(2).poisson(30.0 * 2 ** levels_of(2)).astype(float)
    scores = score_of(log_rates(counts))
    turned = np.random.default_rng(3).permutation(CASE.size)
    np.testing.assert_allclose(score_of(log_rates(counts[turned])), scores[turned], atol=1e-12)
    np.testing.assert_allclose(score_of(log_rates(2.0 * counts)), scores, rtol=1e-12)


def test_a_tenth_of_the_depth_in_one_arm_bends_levels_but_not_scores() -> None:
    depth = np.where(CASE, 3_000.0, 30_000.0)
    ours, plain = [], []
    for seed in range(40):
        levels = log_rates(counts_of(seed, depth))
        ours.append(shift_of(levels))
        raw = levels[:, GENES].mean(axis=1)
        plain.append(raw[CASE].mean() - raw[~CASE].mean())
    error = np.std(ours, ddof=1) / np.sqrt(len(ours))
    assert np.mean(plain) < -0.03
    assert abs(np.mean(ours)) < max(3 * error, 0.01)


def test_a_gene_that_fills_the_library_of_one_arm_does_not_lower_all_others() -> None:
    rng = np.random.default_rng(5)
    rate = np.exp(1.2 * rng.normal(size=400))
    rate[GENES] = 1.0
    counts = rng.poisson(np.tile(200 * rate, (CASE.size, 1))).astype(float)
    counts[CASE, 50] += counts[CASE].sum(axis=1)
    levels = log_rates(counts)
    raw = levels[:, GENES].mean(axis=1)
    assert raw[CASE].mean() - raw[~CASE].mean() < -0.8
    assert abs(shift_of(levels)) < 0.03


def test_small_and_silent_panels_are_scored_without_a_background() -> None:
    levels = np.zeros((4, 60))
    assert fit_background(levels, GENES).levels(GENES) == pytest.approx(0.0)
    alone = levels_of(1)[:, :12]
    assert fit_background(alone, GENES).levels(GENES) == pytest.approx(
        np.tile(alone.mean(axis=0), (CASE.size, 1))
    )
    one = levels_of(1)[:1]
    assert gene_levels(one, AXIS, fit_background(one, GENES)).scores == pytest.approx(0.0)


ONE = [np.arange(40)]
PAIRS = [np.array([unit, unit + 20]) for unit in range(20)]


@pytest.mark.parametrize("strata", [ONE, PAIRS], ids=["unpaired", "pairs"])
@pytest.mark.parametrize(("spread", "low", "high"), [(0.0, 1.5, 4.0), (1.0, 0.0, 0.3)])
def test_units_are_weighed_by_how_much_of_their_spread_is_counting(
    strata: list[IntArray], spread: float, low: float, high: float
) -> None:
    rng = np.random.default_rng(7)
    n_cells = np.round(100 * rng.gamma(2.0, 0.5, 40)) + 5
    found = []
    for _ in range(20):
        scores = spread * rng.normal(size=(40, 100))
        scores += rng.normal(size=(40, 100)) * np.sqrt(5 / n_cells)[:, np.newaxis]
        even = even_cells(scores, n_cells, strata)
        found.append(even / np.median(n_cells))
        assert even_cells(scores, 2 * n_cells, strata) == pytest.approx(2 * even)
    assert low <= np.median(found) <= high
    assert cell_weights(n_cells, 0.0) == pytest.approx(1.0)


def test_what_sets_pairs_apart_is_no_reason_to_weigh_their_units_alike() -> None:
    rng = np.random.default_rng(8)
    n_cells = np.round(100 * rng.gamma(2.0, 0.5, 40)) + 5
    donors = np.tile(3 * rng.normal(size=(20, 100)), (2, 1))
    scores = donors + rng.normal(size=(40, 100)) * np.sqrt(5 / n_cells)[:, np.newaxis]
    assert even_cells(scores, n_cells, PAIRS) > np.median(n_cells)
    assert even_cells(scores, n_cells, ONE) < np.median(n_cells) / 2


def test_few_units_do_not_tell_how_much_is_counting() -> None:
    n_cells = np.array([3.0, 10.0, 40.0])
    assert even_cells(np.ones((3, 5)), n_cells, [np.arange(3)]) == 10.0


def test_sets_that_take_the_place_of_a_programme_lie_around_nothing() -> None:
    levels = levels_of(4)
    background = fit_background(levels, GENES)
    scores = matched_scores(levels, AXIS, GENES, background)
    assert scores.shape == (CASE.size, 100)
    assert abs(scores.mean()) < 0.03
