"""Weights that the data choose, and the prior of the logarithms that they choose too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from turncoat.crosstalk.sides import (
    PRIORS,
    compare_side,
    rank_correlation,
    stabilising_prior,
    unit_logs,
)
from turncoat.crosstalk.weights import PARTS, learned_weights
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.units import arrange


def edges(seed: int, *, strong: float, weak: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two thousand edges of 200 ligands; shares of strong and of weak ones truly change."""
    draw = np.random.default_rng(seed)
    strength = draw.gamma(2.0, size=2_000)
    strength /= strength.mean()
    ligand = np.arange(2_000) % 200
    rate = np.where(strength > np.median(strength), strong, weak)
    shift = 3.0 * (draw.random(2_000) < rate)
    pvalue = 2 * norm.sf(np.abs(draw.normal(size=2_000) + shift))
    return pvalue, strength, ligand


def n_found(pvalue: np.ndarray) -> int:
    return int((benjamini_hochberg(np.minimum(pvalue, 1.0)) <= 0.05).sum())


def test_strong_edges_weigh_more_where_they_are_what_changes() -> None:
    alike, learned = 0, 0
    for seed in range(10):
        pvalue, strength, ligand = edges(seed, strong=0.08, weak=0.0)
        weight = learned_weights(pvalue, strength, ligand)
        assert weight[strength > 2].mean() > weight[strength < 0.5].mean()
        alike, learned = alike + n_found(pvalue), learned + n_found(pvalue / weight)
    assert learned > 1.1 * alike


def test_signals_switched_on_from_nothing_are_not_weighed_down() -> None:
    alike, learned, fixed = 0, 0, 0
    for seed in range(10):
        pvalue, strength, ligand = edges(seed, strong=0.0, weak=0.08)
        weight = learned_weights(pvalue, strength, ligand)
        alike, learned = alike + n_found(pvalue), learned + n_found(pvalue / weight)
        fixed += n_found(pvalue / strength)
    # Weights that follow strength whatever the data say would lose much of it.
    assert learned >= alike > 1.2 * fixed


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_an_edge_has_no_say_in_its_own_weight(seed: int) -> None:
    pvalue, strength, ligand = edges(seed, strong=0.05, weak=0.02)
    before = learned_weights(pvalue, strength, ligand)
    mine = ligand % PARTS == ligand[0] % PARTS
    changed = np.where(mine, 1.0, pvalue)
    np.testing.assert_array_equal(learned_weights(changed, strength, ligand)[mine], before[mine])


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_weights_average_one_and_untested_edges_have_none(seed: int) -> None:
    pvalue, strength, ligand = edges(seed, strong=0.05, weak=0.02)
    pvalue[::7] = np.nan
    weight = learned_weights(pvalue, strength, ligand)
    tested = np.isfinite(pvalue)
    for part in range(PARTS):
        assert weight[tested & (ligand % PARTS == part)].mean() == pytest.approx(1.0)
    np.testing.assert_array_equal(weight[~tested], 1.0)


def test_learning_does_not_raise_the_rate_of_false_findings() -> None:
    false = []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        strength = draw.gamma(2.0, size=500)
        pvalue, ligand = draw.random(500), np.arange(500)
        weight = learned_weights(pvalue, strength / strength.mean(), ligand)
        false.append((benjamini_hochberg(np.minimum(pvalue / weight, 1)) <= 0.05).any())
    # Nothing is true: the rate of any finding is the false-discovery rate; 200 draws of 0.05.
    assert np.mean(false) <= 0.09


def counted(seed: int, depth: float, *, doubled: bool = False) -> np.ndarray:
    """Levels of 200 genes in one population of 16 donors, counted in so many molecules."""
    draw = np.random.default_rng(seed)
    true = np.exp(draw.normal(0.0, 1.0, 200) + draw.normal(0.0, 0.4, (16, 200)))
    counts = draw.poisson(true * depth / 1e4) * (2 if doubled else 1)
    return (counts / (depth * (2 if doubled else 1)) * 1e4)[:, np.newaxis, :]


def chosen(level: np.ndarray) -> float:
    unit, measured = np.arange(16), np.ones((16, 1), dtype=bool)
    logs = {prior: unit_logs(level, measured, unit, prior) for prior in PRIORS}
    return stabilising_prior(logs, unit < 8, np.ones((1, level.shape[2]), dtype=bool))


def test_small_samples_need_the_large_prior_and_deep_ones_bear_a_small_one() -> None:
    assert chosen(counted(1, 2e4)) == max(PRIORS)
    assert chosen(counted(1, 1e6)) == min(PRIORS)


def test_doubling_every_cell_changes_neither_prior_nor_pvalue() -> None:
    unit, measured = np.arange(16), np.ones((16, 1), dtype=bool)
    design = arrange([f"D{n}" for n in range(16)], unit < 8), np.empty((16, 0))
    once, twice = (
        compare_side(counted(3, 1e5, doubled=doubled), measured, unit, design, 3)
        for doubled in (False, True)
    )
    assert once[2] == twice[2]
    np.testing.assert_allclose(once[1], twice[1], rtol=1e-9)


def test_a_change_between_the_arms_does_not_move_the_prior() -> None:
    level = counted(4, 2e4)
    shifted = level.copy()
    shifted[:8, :, :20] *= 1.5
    assert chosen(shifted) == chosen(level)


def test_few_sides_keep_the_first_prior() -> None:
    assert chosen(counted(5, 1e6)[:, :, :10]) == PRIORS[0]


def test_ranks_correlate_as_in_scipy() -> None:
    draw = np.random.default_rng(6)
    one, other = draw.normal(size=50), draw.normal(size=50)
    assert rank_correlation(one, other) == pytest.approx(float(spearmanr(one, other).statistic))
