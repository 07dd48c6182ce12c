import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from turncoat.errors import ArgumentError
from turncoat.stats.equivalence import equivalence_pvalue
from turncoat.stats.estimate import Estimate
from turncoat.stats.multiplicity import (
    benjamini_hochberg,
    hierarchical,
    reachable_q,
    reachable_q_together,
    simes,
)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_bh_equals_scipy(pvalues: list[float]) -> None:
    p = np.array(pvalues)
    np.testing.assert_allclose(benjamini_hochberg(p), oracle.false_discovery_control(p))


def test_what_was_not_tested_does_not_count() -> None:
    q = benjamini_hochberg(np.array([np.nan, 0.01, np.nan, 0.04]))
    np.testing.assert_allclose(q, [np.nan, 0.02, np.nan, 0.04])
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()
    assert np.isnan(simes(np.array([np.nan])))
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        benjamini_hochberg(np.array([1.5]))


def test_hierarchy_pays_for_the_choice_of_families() -> None:
    pvalues = np.array([0.01, 0.9, 0.9, 0.9])
    families = np.array([0, 0, 1, 1])
    tests, top = hierarchical(pvalues, families)
    np.testing.assert_allclose(top, [0.04, 0.9])
    np.testing.assert_allclose(tests, [0.04, 1.0, 0.9, 0.9])


def test_hierarchy_controls_the_null() -> None:
    rng = np.random.default_rng(0)
    families = np.repeat(np.arange(10), 2)
    calls = [(hierarchical(rng.uniform(size=20), families)[0] <= 0.05).any() for _ in range(1_000)]
    assert np.mean(calls) <= 0.07


def test_floors_say_what_a_lone_finding_and_all_together_reach() -> None:
    floors = np.array([0.01, 0.02, np.nan])
    np.testing.assert_allclose(reachable_q(floors), [0.02, 0.04, np.nan])
    np.testing.assert_allclose(reachable_q_together(floors), [0.02, 0.02, np.nan])


def test_equivalence_is_two_one_sided_t_tests() -> None:
    rng = np.random.default_rng(0)
    d = rng.normal(0.05, 0.2, 12)
    found = Estimate(np.array([d.mean()]), np.array([d.std(ddof=1) / 12**0.5]), np.array([11.0]))
    low = oracle.ttest_1samp(d, -0.3, alternative="greater").pvalue
    high = oracle.ttest_1samp(d, 0.3, alternative="less").pvalue
    assert equivalence_pvalue(found, 0.3)[0] == pytest.approx(max(low, high))


def test_equivalence_needs_a_band_and_a_spread() -> None:
    found = Estimate(np.array([0.0]), np.array([0.0]), np.array([5.0]))
    assert np.isnan(equivalence_pvalue(found, 0.3)[0])
    with pytest.raises(ArgumentError, match="positive"):
        equivalence_pvalue(found, 0.0)
