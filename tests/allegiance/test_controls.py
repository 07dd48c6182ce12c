"""Control genes: what they take out of a score, and what they must not put in."""

import numpy as np
import pytest

from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import control_genes, control_levels, gene_levels, log_rates
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


def shift_of(levels: FloatArray) -> float:
    score = gene_levels(levels, AXIS, GENES).scores
    return float(score[CASE].mean() - score[~CASE].mean())


def test_controls_that_answer_a_signal_hardly_move_a_programme_that_does_not() -> None:
    ours, plain = [], []
    for seed in range(20):
        levels = levels_of(seed)
        controls = control_genes(levels, GENES, GENES)
        answering = np.random.default_rng([seed, 1]).choice(np.unique(controls), 30, replace=False)
        moved = levels.copy()
        moved[np.ix_(CASE, answering)] += 1.0
        ours.append(shift_of(moved) - shift_of(levels))
        both = (levels[:, controls].mean(axis=(1, 2)), moved[:, controls].mean(axis=(1, 2)))
        before, after = (each[CASE].mean() - each[~CASE].mean() for each in both)
        plain.append(before - after)
    assert np.mean(plain) < -0.1
    assert abs(np.mean(ours)) < abs(np.mean(plain)) / 2


def test_a_gene_as_large_as_a_lineage_is_no_control_of_like_spread() -> None:
    levels = levels_of(0)
    controls = control_genes(levels, GENES, GENES)
    loud = int(controls[0, 10])
    levels[:, loud] += 5 * np.where(np.arange(CASE.size) % 2, 1.0, -1.0)
    kept = control_levels(levels, controls[:1])[:, 0]
    without = levels[:, np.setdiff1d(controls[0], [loud])]
    assert np.abs(kept - without.mean(axis=1)).max() < 0.12


def test_the_choice_of_controls_knows_no_arms_order_or_number_of_cells() -> None:
    counts = np.random.default_rng(2).poisson(30.0 * 2 ** levels_of(2))
    levels = log_rates(counts.astype(float))
    scores = gene_levels(levels, AXIS, GENES).scores
    turned = np.random.default_rng(3).permutation(CASE.size)
    np.testing.assert_allclose(gene_levels(levels[turned], AXIS, GENES).scores, scores[turned])
    np.testing.assert_allclose(
        gene_levels(log_rates(2.0 * counts), AXIS, GENES).scores, scores, rtol=1e-12
    )


def test_genes_that_do_not_vary_are_controls_of_each_other() -> None:
    levels = np.zeros((4, 60))
    found = control_levels(levels, np.arange(60).reshape(2, 30))
    assert found == pytest.approx(0.0)
    assert control_levels(levels_of(1)[:1], np.arange(400).reshape(4, 100)).shape == (1, 4)
