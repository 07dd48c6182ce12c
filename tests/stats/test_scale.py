"""Spreads that learn from each other, against their own law."""

import numpy as np
import pytest

from turncoat.errors import DesignError
from turncoat.stats.estimate import Estimate
from turncoat.stats.scale import Scale, learn_scale, moderate


@pytest.mark.parametrize("worth", [4.0, 15.0])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_law_of_the_ratios_is_learned(worth: float, factor: float) -> None:
    rng = np.random.default_rng(0)
    freedom = rng.uniform(4, 20, 20_000)
    ratio = factor * rng.f(freedom, worth)
    found = learn_scale(ratio, freedom)
    assert found.factor == pytest.approx(factor, rel=0.05)
    assert found.freedom == pytest.approx(worth, rel=0.1)
    assert found.n_scores == 20_000


def test_few_scores_are_trusted_less_than_many() -> None:
    rng = np.random.default_rng(1)
    few = [learn_scale(rng.f(10, 8, 12), np.full(12, 10.0)).freedom for _ in range(300)]
    assert np.median(few) < 8


def test_moderated_errors_lie_between_the_own_and_the_expected() -> None:
    found = Estimate(np.ones(3), np.array([1.0, 3.0, 2.0]), np.full(3, 10.0))
    again = moderate(found, np.array([4.0, 4.0, np.nan]), Scale(1.0, 10.0, 20))
    np.testing.assert_allclose(again.error**2, [2.5, 6.5, 4.0])
    np.testing.assert_allclose(again.freedom, [20.0, 20.0, 10.0])


def test_moderated_t_tests_hold_their_level() -> None:
    rng = np.random.default_rng(2)
    rejected = []
    for _ in range(200):
        variance = 8 / rng.chisquare(8, 20)
        squared = variance * rng.chisquare(6, 20) / 6
        effect = np.sqrt(variance) * rng.normal(size=20)
        found = Estimate(effect, np.sqrt(squared), np.full(20, 6.0))
        scale = learn_scale(squared, found.freedom)
        lower, upper = moderate(found, np.ones(20), scale).interval()
        rejected.append(np.mean((lower > 0) | (upper < 0)))
    # 4,000 intervals of 95 %: 0.05 to within 0.008.
    assert 0.03 <= np.mean(rejected) <= 0.06


def test_too_few_scores_tell_nothing() -> None:
    with pytest.raises(DesignError, match="7 scores do not tell"):
        learn_scale(np.array([1.0] * 7 + [np.nan, 0.0]), np.full(9, 5.0))
