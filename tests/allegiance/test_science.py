"""The joint test of the two axes, on scores alone."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat.allegiance.science import AxesPlan, Evidence, weigh_evidence
from turncoat.allegiance.verdict import judge, margin
from turncoat.stats.compare import Donors
from turncoat.stats.units import arrange
from turncoat.tables import FloatArray

CASE = np.repeat([True, False], 6)
DONORS = Donors(
    arrange([f"d{i}" for i in range(12)], CASE), np.ones(12), np.zeros((12, 0))
)  # fmt: skip
PLAN = AxesPlan(0.32, 0, 999)


def weigh(scores: FloatArray) -> Evidence:
    return weigh_evidence(scores, DONORS, PLAN)


def both_move(rng: np.random.Generator, shift: float, quality: float = 0.0) -> FloatArray:
    scores = rng.normal(size=(12, 2)) + quality * rng.normal(size=(12, 1))
    return scores + np.outer(CASE, [-shift, shift])


def test_the_joint_test_holds_its_level_and_finds_what_moves_on_both_axes() -> None:
    rng = np.random.default_rng(0)
    null = np.array([weigh(both_move(rng, 0.0, 0.7)).joint for _ in range(600)])
    # Exact: at most 0.05, and 600 studies tell it to within 0.018 (two standard errors).
    assert 0.03 < np.mean(null <= 0.05) < 0.068
    found = [weigh(both_move(rng, 1.0, 0.7)) for _ in range(200)]
    joint = np.mean([one.joint <= 0.05 for one in found])
    lone = np.mean([2 * one.harm.min() <= 0.05 for one in found])
    assert joint > lone + 0.1


def test_the_balance_counts_each_axis_in_its_own_spread() -> None:
    scores = both_move(np.random.default_rng(1), 1.0)
    first = weigh(scores)
    assert first.joint == weigh(scores * [1.0, 100.0]).joint
    assert first.balance == weigh(scores * [1.0, 100.0]).balance
    assert first.balance == weigh(-scores[:, ::-1]).balance


def test_an_axis_without_a_score_has_no_balance() -> None:
    scores = both_move(np.random.default_rng(2), 1.0)
    scores[:, 0] = np.nan
    lone = weigh(scores)
    assert np.isnan(lone.balance)
    assert lone.joint == lone.harm[1]
    scores[:, 0] = 1.0
    assert np.isnan(weigh(scores).balance)


def test_a_tilt_of_both_axes_together_that_neither_shows_is_no_switch() -> None:
    rng = np.random.default_rng(3)
    for _ in range(500):
        evidence = weigh(both_move(rng, 0.6, 2.0))
        if evidence.joint <= 0.02 and evidence.harm.min() > 0.05:
            break
    else:
        pytest.fail("no study was found by its balance alone")
    assert judge(evidence, 0.02, fdr=0.05, band=0.32) == (
        "inconclusive",
        (
            "tilted from duty towards harm on both axes together (q = 0.02), but neither a loss of "
            "duty nor a gain of harm is shown by itself"
        ),
    )


def test_what_moves_the_other_way_is_said_beside_a_switch() -> None:
    rng = np.random.default_rng(4)
    evidence = weigh(rng.normal(size=(12, 2)) + np.outer(CASE, [3.0, 3.0]))
    assert judge(evidence, 0.01, fdr=0.05, band=0.32) == (
        "switched",
        "gained pro-tumour harm (q = 0.01); at the same time gained anti-tumour duty",
    )


def test_the_margin_is_the_factor_of_p_that_changes_the_verdict() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        evidence = weigh(both_move(rng, float(rng.uniform(0, 2))))
        for qvalue in (0.001, 0.02, 0.06, 0.5):
            verdict = judge(evidence, qvalue, fdr=0.05, band=0.32)[0]
            factor = margin(evidence, qvalue, fdr=0.05)
            assert factor >= 1
            changed = {
                judge(_times(evidence, by), qvalue * by, fdr=0.05, band=0.32)[0]
                for by in (factor * 1.001, 1 / factor / 1.001)
            }
            assert changed != {verdict}
            kept = {
                judge(_times(evidence, by), qvalue * by, fdr=0.05, band=0.32)[0]
                for by in (factor / 1.001, 1.001 / factor)
            }
            assert kept == {verdict}


def _times(evidence: Evidence, by: float) -> Evidence:
    return replace(evidence, harm=evidence.harm * by, loyal=evidence.loyal * by)
