"""Cox, Kaplan-Meier and concordance against R's survival, and Firth against a plain maximiser."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from turncoat.errors import DesignError
from turncoat.outcome.hazards.concordance import concordance, concordance_gain
from turncoat.outcome.hazards.cox import fit_cox, moments
from turncoat.outcome.hazards.kaplan_meier import kaplan_meier, numbers_at_risk
from turncoat.outcome.hazards.kernels import (
    hazards_of_scores,
    hazards_of_scores_reference,
    slope_and_information,
    slope_and_information_reference,
)
from turncoat.outcome.hazards.profile import likelihood_ratio_pvalue, profile_interval
from turncoat.outcome.hazards.proportional import proportionality_pvalues
from turncoat.outcome.hazards.risk_sets import arrange
from turncoat.tables import FloatArray

GOLDEN = Path(__file__).parent.parent / "golden" / "outcome"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / "survival.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "patients.csv")


def columns(patients: pd.DataFrame, *names: str) -> FloatArray:
    return patients[list(names)].to_numpy(dtype=float)


def test_tied_and_untied_models_agree_with_r(
    golden: dict[str, Any], patients: pd.DataFrame
) -> None:
    x = columns(patients, "score", "er", "age")
    event = patients["event"].to_numpy(dtype=float)
    for time, expected in (("time", "efron"), ("time_untied", "untied")):
        fit = fit_cox(x, arrange(patients[time].to_numpy(dtype=float), event))
        assert fit.converged
        np.testing.assert_allclose(fit.coef, golden[expected]["coef"], rtol=1e-8)
        np.testing.assert_allclose(fit.se, golden[expected]["se"], rtol=1e-8)
        assert fit.loglik == pytest.approx(golden[expected]["loglik"], rel=1e-10)


def test_stratified_model_agrees_with_r(golden: dict[str, Any], patients: pd.DataFrame) -> None:
    x = columns(patients, "score", "age")
    time, event = columns(patients, "time", "event").T
    risk = arrange(time, event, patients["er"].to_numpy())
    fit = fit_cox(x, risk)
    np.testing.assert_allclose(fit.coef, golden["stratified"]["coef"], rtol=1e-8)
    np.testing.assert_allclose(fit.se, golden["stratified"]["se"], rtol=1e-8)
    order = concordance(time, event, x @ fit.coef, patients["er"].to_numpy())
    assert order == pytest.approx(golden["concordance_stratified"], rel=1e-10)


def test_the_model_agrees_with_lifelines(patients: pd.DataFrame) -> None:
    from lifelines import CoxPHFitter

    told = CoxPHFitter().fit(patients[["score", "er", "age", "time", "event"]], "time", "event")
    x = columns(patients, "score", "er", "age")
    time, event = columns(patients, "time", "event").T
    fit = fit_cox(x, arrange(time, event))
    np.testing.assert_allclose(fit.coef, told.params_.to_numpy(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(fit.se, told.standard_errors_.to_numpy(), rtol=1e-6, atol=1e-7)


def test_proportionality_and_concordance_agree_with_r(
    golden: dict[str, Any], patients: pd.DataFrame
) -> None:
    x = columns(patients, "score", "er", "age")
    event = patients["event"].to_numpy(dtype=float)
    for name, expected in (("time", "zph_tied"), ("time_untied", "zph_untied")):
        risk = arrange(patients[name].to_numpy(dtype=float), event)
        pvalues = proportionality_pvalues(x, risk, fit_cox(x, risk))
        np.testing.assert_allclose(pvalues, golden[expected], rtol=1e-8)
    time = patients["time"].to_numpy(dtype=float)
    linear = x @ fit_cox(x, arrange(time, event)).coef
    assert concordance(time, event, linear) == pytest.approx(golden["concordance"], rel=1e-10)


def test_kaplan_meier_agrees_with_r(golden: dict[str, Any], patients: pd.DataFrame) -> None:
    time, event = columns(patients, "time", "event").T
    curve = kaplan_meier(time, event)
    for column in ("time", "survival", "low", "high", "n_at_risk"):
        expected = np.array(golden["km"][column], dtype=float)
        np.testing.assert_allclose(curve[column].to_numpy(dtype=float), expected, rtol=1e-9)
    assert numbers_at_risk(time, np.array([0.0, 1e9])).tolist() == [len(patients), 0]


def naive_penalised(coef: FloatArray, x: FloatArray, time: FloatArray, event: FloatArray) -> float:
    """Firth's penalised likelihood, risk set by risk set."""
    linear, loglik = x @ coef, 0.0
    information = np.zeros((x.shape[1], x.shape[1]))
    for now in np.unique(time[event > 0]):
        risk, dying = time >= now, (time == now) & (event > 0)
        loglik += linear[dying].sum()
        for gone in range(int(dying.sum())):
            weight = np.exp(linear) * (risk - gone / dying.sum() * dying)
            mean = weight @ x / weight.sum()
            loglik -= np.log(weight.sum())
            information += (x * weight[:, None]).T @ x / weight.sum() - np.outer(mean, mean)
    return float(loglik + 0.5 * np.linalg.slogdet(information)[1])


def test_firth_is_the_maximum_of_the_penalised_likelihood(patients: pd.DataFrame) -> None:
    x = columns(patients, "score", "er")[:60]
    time, event = columns(patients, "time", "event").T[:, :60]
    x = x - x.mean(axis=0)
    fit = fit_cox(x, arrange(time, event), firth=True)

    def worst(coef: FloatArray) -> float:
        return -naive_penalised(coef, x, time, event)

    found = minimize(worst, np.zeros(2), tol=1e-12)
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-9)
    np.testing.assert_allclose(fit.coef, found.x, atol=1e-5)
    assert fit.loglik == pytest.approx(naive_penalised(fit.coef, x, time, event), abs=1e-10)


def test_firth_has_a_closed_form_for_two_patients() -> None:
    # x = 1 dies first, x = 0 is still there. With p = e^b/(1 + e^b) the penalised likelihood is
    # log p + (log p + log(1 - p))/2, largest where 3/2 (1 - p) = p/2: p = 3/4, b = log 3.
    risk = arrange(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    fit = fit_cox(np.array([[1.0], [0.0]]), risk, firth=True)
    assert fit.coef[0] == pytest.approx(np.log(3), rel=1e-9)


def test_separation_is_said_and_firth_stays_finite() -> None:
    time = np.arange(1.0, 21.0)
    event = (time <= 10).astype(float)
    x = -time[:, None]
    risk = arrange(time, event)
    assert not fit_cox(x, risk).converged
    firth = fit_cox(x, risk, firth=True)
    assert firth.converged
    low, high = profile_interval(x, risk, firth, 0)
    assert 0 < low < firth.coef[0] < high
    assert likelihood_ratio_pvalue(x, risk, firth, 0) < 0.001


def test_profile_interval_leaves_the_likelihood_that_much_lower(patients: pd.DataFrame) -> None:
    x = columns(patients, "score", "er")
    time, event = columns(patients, "time", "event").T
    x = x - x.mean(axis=0)
    risk = arrange(time, event)
    fit = fit_cox(x, risk, firth=True)
    for bound in profile_interval(x, risk, fit, 0):

        def worst(er: FloatArray, at: float = bound) -> float:
            return -naive_penalised(np.array([at, er[0]]), x, time, event)

        profile = -minimize(worst, np.zeros(1), tol=1e-10).fun
        assert 2 * (fit.loglik - profile) == pytest.approx(3.841458820694124, abs=1e-4)


def test_without_events_or_variation_the_error_says_so() -> None:
    with pytest.raises(DesignError, match="All patients are censored"):
        arrange(np.array([1.0, 2.0]), np.zeros(2))
    risk = arrange(np.array([1.0, 2.0, 3.0]), np.ones(3))
    with pytest.raises(DesignError, match="constant or repeat"):
        fit_cox(np.ones((3, 1)), risk)


generators = st.integers(0, 2**31).map(np.random.default_rng)


def drawn(rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
    n = int(rng.integers(25, 60))
    time = np.ceil(rng.exponential(10, n))
    event = (rng.random(n) < 0.7).astype(float)
    event[:3] = 1
    strata = rng.integers(0, 2, n)
    order = np.lexsort((time, strata))
    return rng.normal(size=(n, 3))[order], time[order], event[order], strata[order]


@settings(max_examples=25, deadline=None)
@given(generators)
def test_kernels_do_what_their_twins_do(rng: np.random.Generator) -> None:
    x, time, event, strata = drawn(rng)
    coef = rng.normal(size=3)
    np.testing.assert_allclose(
        slope_and_information(x, coef, time, event, strata),
        slope_and_information_reference(x, coef, time, event, strata),
        atol=1e-9,
    )
    scores = rng.normal(size=(time.size, 3))
    np.testing.assert_allclose(
        hazards_of_scores(scores, x[:, :2].copy(), time, event, strata),
        hazards_of_scores_reference(scores, x[:, :2], time, event, strata),
        atol=1e-6,
    )


@settings(max_examples=25, deadline=None)
@given(generators, st.floats(0.1, 10))
def test_row_order_unit_of_time_and_sign_do_not_matter(
    rng: np.random.Generator, unit: float
) -> None:
    x, time, event, strata = drawn(rng)
    fit = fit_cox(x, arrange(time, event, strata))
    shuffled = rng.permutation(time.size)
    risk = arrange(unit * time[shuffled], event[shuffled], strata[shuffled])
    np.testing.assert_allclose(fit_cox(-x[shuffled], risk).coef, -fit.coef, atol=1e-7)
    higher, lower = concordance(time, event, x[:, 0]), concordance(time, event, -x[:, 0])
    assert higher == pytest.approx(1 - lower)


def test_residuals_at_the_estimate_sum_to_nothing(patients: pd.DataFrame) -> None:
    x = columns(patients, "score", "age")
    risk = arrange(*columns(patients, "time", "event").T)
    found = moments(x[risk.order] - x.mean(axis=0), fit_cox(x, risk).coef, risk)
    np.testing.assert_allclose(found.residuals.sum(axis=0), 0, atol=1e-7)


def test_a_useful_score_gains_concordance_and_noise_does_not() -> None:
    rng = np.random.default_rng(3)
    n = 300
    score, base = rng.normal(size=n), rng.normal(size=(n, 1))
    time = rng.exponential(1 / np.exp(0.8 * score + 0.3 * base[:, 0]))
    event = (rng.random(n) < 0.6).astype(float)
    useful = concordance_gain(time, event, base, score, rng, n_boot=60)
    assert useful.low > 0.02
    assert useful.gain == pytest.approx(useful.with_score - useful.without, abs=0.03)
    noise = concordance_gain(time, event, base, rng.normal(size=n), rng, n_boot=60)
    assert noise.low < 0.01
    assert concordance_gain(time, event, base[:, :0], score, rng, n_boot=5).without == 0.5
