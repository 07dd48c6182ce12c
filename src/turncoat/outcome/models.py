"""One score in one cohort: the adjusted Cox model, and what had to be done to fit it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from turncoat.errors import DesignError
from turncoat.outcome.covariates import independent, strata_of
from turncoat.outcome.hazards.cox import CoxFit, fit_cox
from turncoat.outcome.hazards.profile import likelihood_ratio_pvalue, profile_interval
from turncoat.outcome.hazards.proportional import proportionality_pvalues
from turncoat.outcome.hazards.risk_sets import RiskSets, arrange
from turncoat.stats.laws import never_zero
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Fewer events than this and no model is fitted.
MIN_EVENTS: Final = 5
#: Fewer events than this and the verdict is "cannot tell", whatever the estimate.
FEW_EVENTS: Final = 10
#: Events per covariate kept in the model; beyond that covariates are left out from the last.
EVENTS_PER_COVARIATE: Final = 4
#: Below this many events per coefficient Firth's penalty is used (Vittinghoff and McCulloch
#: 2007 found five to nine acceptable).
FIRTH_BELOW: Final = 5.0
#: Proportionality is given up for a covariate below this p-value over the number of covariates.
PH_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Patients:
    """Follow-up, score and covariates of the patients in one model.

    Parameters
    ----------
    time, event
        Follow-up in months, and 1.0 for an event.
    score
        Score, any unit.
    covariates
        Covariates in the order of their importance, shape ``(n, p)``, no NaN.
    names
        Their names.
    """

    time: FloatArray
    event: FloatArray
    score: FloatArray
    covariates: FloatArray
    names: tuple[str, ...]

    def take(self, rows: BoolArray) -> "Patients":
        """Keep some patients."""
        return Patients(
            self.time[rows], self.event[rows], self.score[rows], self.covariates[rows], self.names
        )

    def dropping(self, *names: str) -> "Patients":
        """Leave out some covariates."""
        kept = [k for k, name in enumerate(self.names) if name not in names]
        return replace(
            self, covariates=self.covariates[:, kept], names=tuple(self.names[k] for k in kept)
        )


@dataclass(frozen=True, slots=True)
class Effect:
    """A score's hazard ratio per standard deviation, with how it was come by.

    Parameters
    ----------
    n_patients, n_events
        Patients and events in the model.
    log_hr, se, low, high, pvalue
        Log hazard ratio per standard deviation of the score among these patients, its standard
        error, 95 % interval and p-value; NaN where not fitted.
    method
        ``Cox``, ``Cox (Firth)``, or empty.
    adjusted_for, stratified_by, left_out
        Covariates in the model, those that became strata, those for which events were too few.
    ph_pvalue
        Proportionality of the score itself.
    shared
        Squared multiple correlation of the score with the covariates: how much of it they say.
    z
        The unpenalised model's z, which random signatures are compared with.
    status, reason
        ``tested`` or ``not_testable``, and why.
    """

    n_patients: int
    n_events: int
    log_hr: float = float("nan")
    se: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    pvalue: float = float("nan")
    method: str = ""
    adjusted_for: tuple[str, ...] = ()
    stratified_by: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    ph_pvalue: float = float("nan")
    shared: float = float("nan")
    z: float = float("nan")
    status: str = "not_testable"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The arrangement in which a score, or any other, is tested.

    Parameters
    ----------
    patients
        Patients, with only those covariates that stay in the model.
    strata
        Stratum of each patient.
    stratified_by, left_out
        Covariates that became strata, or were left out.
    """

    patients: Patients
    strata: IntArray
    stratified_by: tuple[str, ...]
    left_out: tuple[str, ...]


def arrange_model(patients: Patients) -> Model:
    """Choose what the model can carry, and stratify by covariates that break proportionality."""
    n_events = int(patients.event.sum())
    kept = independent(patients.covariates, patients.names, patients.score)
    room = max(1, n_events // EVENTS_PER_COVARIATE - 1)
    lost = tuple(patients.names[k] for k in range(len(patients.names)) if k not in kept[:room])
    carried = patients.dropping(*lost)
    strata: IntArray = np.zeros(patients.time.size, dtype=np.int64)
    if not carried.names:
        return Model(carried, strata, (), lost)
    x = np.column_stack([carried.covariates, carried.score])
    risk = arrange(carried.time, carried.event)
    fit = fit_cox(x, risk)
    if not fit.converged:
        return Model(carried, strata, (), lost)
    pvalues = proportionality_pvalues(x, risk, fit)[:-1]
    broken = [k for k, p in enumerate(pvalues) if p < PH_LEVEL / len(pvalues)]
    # One covariate at most: strata multiply, and each needs events of its own.
    broken = sorted(broken, key=lambda k: float(pvalues[k]))[:1]
    for k in broken:
        strata = strata_of(carried.covariates[:, k])
    names = tuple(carried.names[k] for k in broken)
    return Model(carried.dropping(*names), strata, names, lost)


def estimate_effect(patients: Patients) -> tuple[Effect, Model | None]:
    """Fit a score's adjusted Cox model.

    Parameters
    ----------
    patients
        Follow-up, score and covariates.

    Returns
    -------
    tuple
        The effect per standard deviation, and the model's arrangement (None if not fitted).
    """
    n, n_events = patients.time.size, int(patients.event.sum())
    if n_events < MIN_EVENTS:
        reason = f"{n_events} events; at least {MIN_EVENTS} needed"
        return Effect(n, n_events, reason=reason), None
    if patients.score.std() <= 1e-9:
        return Effect(n, n_events, reason="the score is the same in every patient"), None
    scaled = replace(
        patients, score=(patients.score - patients.score.mean()) / patients.score.std()
    )
    model = arrange_model(scaled)
    try:
        return _fit(model), model
    except DesignError as error:
        return Effect(n, n_events, reason=str(error)), None


def _fit(model: Model) -> Effect:
    patients = model.patients
    x = np.column_stack([patients.covariates, patients.score])
    risk = arrange(patients.time, patients.event, model.strata)
    n_events = risk.n_events
    plain = fit_cox(x, risk)
    firth = not plain.converged or n_events / x.shape[1] < FIRTH_BELOW
    fit = fit_cox(x, risk, firth=True) if firth else plain
    column = x.shape[1] - 1
    z = plain.coef[column] / plain.se[column] if plain.converged else np.nan
    effect = Effect(
        patients.time.size,
        n_events,
        adjusted_for=patients.names,
        stratified_by=model.stratified_by,
        left_out=model.left_out,
        shared=shared_with(patients.score, patients.covariates),
        z=float(z),
    )
    if not fit.converged:
        return replace(effect, reason="the model has no finite estimate, penalised or not")
    separated = "" if plain.converged else "perfect separation: Firth's penalty keeps it finite"
    log_hr, se, low, high, pvalue = _numbers(x, risk, fit, column)
    return replace(
        effect,
        log_hr=log_hr,
        se=se,
        low=low,
        high=high,
        pvalue=pvalue,
        method="Cox (Firth)" if firth else "Cox",
        ph_pvalue=float(proportionality_pvalues(x, risk, fit)[column]),
        status="tested",
        reason=separated,
    )


def _numbers(
    x: FloatArray, risk: RiskSets, fit: CoxFit, column: int
) -> tuple[float, float, float, float, float]:
    """Estimate, error, interval and p-value: from the profile where penalised, else Wald's."""
    log_hr, se = float(fit.coef[column]), float(fit.se[column])
    if fit.firth:
        low, high = profile_interval(x, risk, fit, column)
        pvalue = likelihood_ratio_pvalue(x, risk, fit, column)
    else:
        reach = float(ndtri(0.975)) * se
        low, high = log_hr - reach, log_hr + reach
        pvalue = never_zero(float(2 * ndtr(-abs(log_hr) / se)))
    return log_hr, se, low, high, pvalue


def shared_with(score: FloatArray, covariates: FloatArray) -> float:
    """Share of a score's variance that the covariates already carry."""
    if covariates.shape[1] == 0:
        return 0.0
    x = np.column_stack([np.ones(score.size), covariates])
    fitted = x @ np.linalg.lstsq(x, score, rcond=None)[0]
    return float(1 - np.sum((score - fitted) ** 2) / np.sum((score - score.mean()) ** 2))


def interaction_effect(patients: Patients, subtype: FloatArray) -> Effect:
    """Estimate how much the score's log hazard ratio differs between two subtypes.

    Parameters
    ----------
    patients
        Follow-up, score and covariates, the subtype not among them.
    subtype
        1.0 in the subtype of the claim, 0.0 elsewhere.

    Returns
    -------
    Effect
        Log of the ratio of hazard ratios, claimed subtype over the other.
    """
    scaled = (patients.score - patients.score.mean()) / max(float(patients.score.std()), 1e-12)
    product = scaled * subtype
    both = np.column_stack([scaled, subtype, patients.covariates])
    joined = replace(
        patients, score=product, covariates=both, names=("score", "subtype", *patients.names)
    )
    effect, _ = estimate_effect(joined)
    if effect.status != "tested":
        return effect
    # estimate_effect works per standard deviation of the product; go back to that of the score.
    unit = float(product.std())
    return replace(
        effect,
        log_hr=effect.log_hr / unit,
        se=effect.se / unit,
        low=effect.low / unit,
        high=effect.high / unit,
    )
