"""What is exact by proof is so in the code: every arrangement takes its turn as the observed one."""

import numpy as np
import pytest
from scipy import stats as oracle

from turncoat.allegiance.science import AxesPlan, weigh_evidence
from turncoat.stats.compare import Donors
from turncoat.stats.estimate import estimate
from turncoat.stats.permutation import arrangements, permute
from turncoat.stats.units import Units, arrange
from turncoat.tables import FloatArray


def named(n: int, letter: str = "d") -> list[str]:
    return [f"{letter}{i}" for i in range(n)]


DESIGNS = {
    "4 against 4": arrange(named(8), np.arange(8) < 4),
    "2 against 6": arrange(named(8), np.arange(8) < 2),
    "6 pairs": arrange(named(6) * 2, np.arange(12) < 6, block="donor"),
    "3 pairs, 3 against 2": arrange(
        named(3) * 2 + named(5, "s"),
        [True] * 3 + [False] * 3 + [True] * 3 + [False] * 2,
        block="donor",
    ),
    "2 against 3 and 3 against 1, in blocks": arrange(
        named(9),
        [True] * 2 + [False] * 3 + [True] * 3 + [False],
        block=["x"] * 5 + ["y"] * 4,
    ),
}


def scores_and_weights(units: Units) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(units.case.size)
    values = rng.standard_t(3, size=(units.case.size, 6))
    values[:, 3:] = np.round(values[:, 3:])  # ties
    return values, rng.uniform(0.05, 1.0, units.case.size)


def relabelled(units: Units) -> list[Units]:
    return [
        Units(units.donors, case, units.stratum, units.pairing) for case in arrangements(units)[0]
    ]


def is_valid(pvalues: FloatArray) -> bool:
    """Whether, for every rate, at most that share of the p-values is at or below it."""
    ordered = np.sort(pvalues, axis=0)
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    return bool((share[:, np.newaxis] <= ordered + 1e-12).all())


@pytest.mark.parametrize("name", DESIGNS)
def test_every_labelling_in_turn_gives_valid_pvalues_at_every_rate(name: str) -> None:
    units = DESIGNS[name]
    values, weights = scores_and_weights(units)
    found = [permute(values, own, weights=weights) for own in relabelled(units)]
    assert all(one.is_exact for one in found)
    for kind in ("pvalue", "pvalue_greater", "pvalue_less"):
        assert is_valid(np.array([getattr(one, kind)() for one in found]))
    # Without ties the one-sided p-values are all the multiples of one arrangement: nothing is lost.
    one_sided = np.sort([one.pvalue_greater()[0] for one in found])
    assert one_sided == pytest.approx(np.arange(1, len(found) + 1) / len(found))


@pytest.mark.parametrize("name", DESIGNS)
def test_every_labelling_in_turn_gives_valid_joint_pvalues(name: str) -> None:
    units = DESIGNS[name]
    values, weights = scores_and_weights(units)
    none = np.zeros((units.case.size, 0))
    for columns in ([0, 1], [3, 4]):
        joint = [
            weigh_evidence(
                values[:, columns], Donors(own, weights, none), AxesPlan(0.3, 0, 99)
            ).joint
            for own in relabelled(units)
        ]
        assert is_valid(np.array(joint)[:, np.newaxis])


def test_draws_are_uniform_over_all_arrangements() -> None:
    nine = arrange(named(18), np.arange(18) < 9)  # 48,620 arrangements: too many to enumerate
    labels, is_exact = arrangements(nine, seed=4, n_permutations=40_000)
    assert not is_exact
    assert (labels[0] == nine.case).all()
    assert (labels.sum(axis=1) == 9).all()
    drawn = labels[1:]
    # Each unit is a case in half of the draws, each pair of units together in 8/17 of that.
    together = drawn.astype(float).T @ drawn / len(drawn)
    expected = np.where(np.eye(18, dtype=bool), 0.5, 0.5 * 8 / 17)
    assert np.abs(together - expected).max() < 4.5 * np.sqrt(0.25 / len(drawn))


def test_sampled_pvalues_are_valid_over_all_labellings_and_draws() -> None:
    # Of n draws, those as extreme as the observed arrangement follow a binomial law: no chance
    # is left when every arrangement takes its turn.
    units = DESIGNS["4 against 4"]
    values, weights = scores_and_weights(units)
    share = np.array([permute(values, own, weights=weights).pvalue() for own in relabelled(units)])
    for n_drawn in (19, 99, 498, 9_999):
        for rate in (0.01, 0.05, 0.1, 0.3):
            allowed = np.floor(rate * (n_drawn + 1) + 1e-9) - 1
            rejected = np.mean(oracle.binom.cdf(allowed, n_drawn, share), axis=0)
            assert (rejected <= rate + 1e-12).all()


def test_weighted_error_is_unbiased_and_knows_its_freedom() -> None:
    # The squared error of one arm is a quadratic form x'Mx; M is read off by polarisation.
    rng = np.random.default_rng(3)
    n, weights = 6, rng.uniform(0.1, 1.0, 6)
    units = arrange(named(2 * n), np.arange(2 * n) < n)

    def squared(arm: FloatArray) -> FloatArray:
        values = np.vstack([arm, np.zeros_like(arm)])
        found: FloatArray = estimate(values, units, weights=np.r_[weights, np.ones(n)]).error ** 2
        return found

    alone = squared(np.eye(n))
    form = np.array(
        [(squared(np.eye(n) + np.eye(n)[:, [i]]) - alone - alone[i]) / 2 for i in range(n)]
    )
    # Unbiased where the weights are inverse variances …
    assert np.trace(form @ np.diag(1 / weights)) == pytest.approx(1 / weights.sum())
    # … within some per cent where all units vary alike, although the weights differ eightfold …
    share = weights / weights.sum()
    assert np.trace(form) == pytest.approx((share**2).sum(), rel=0.08)
    # … and its degrees of freedom are those of a quadratic form of independent normal values.
    freedom = estimate(
        np.vstack([np.eye(n), np.zeros((n, n))]), units, weights=np.r_[weights, np.ones(n)]
    ).freedom
    expected = np.trace(form) ** 2 / (form @ form).trace()
    assert freedom == pytest.approx(np.full(n, expected))
    assert 2 < expected < 5


def test_intervals_of_weighted_shifts_hold_whatever_the_weights_mean() -> None:
    rng = np.random.default_rng(5)
    for spread in ("alike", "by weight"):
        outside = []
        for _ in range(60):
            weights = rng.uniform(0.2, 0.8, 20)  # as weights by cells are
            noise = 1.0 if spread == "alike" else 1 / np.sqrt(weights)[:, np.newaxis]
            values = noise * rng.normal(size=(20, 400))
            units = arrange(named(20), np.arange(20) < 10)
            lower, upper = estimate(values, units, weights=weights).interval()
            outside.append(np.mean((lower > 0) | (upper < 0)))
        # 24,000 intervals: to within 0.003; weights taken for inverse variances give 0.06.
        assert 0.042 <= np.mean(outside) <= 0.053
