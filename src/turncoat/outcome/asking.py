"""One signature asked of one cohort: score, covariates, strata, models."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from turncoat.errors import DesignError
from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.covariates import fill_unknown
from turncoat.outcome.hazards.concordance import Gain, concordance_gain
from turncoat.outcome.models import (
    Effect,
    Model,
    Patients,
    estimate_effect,
    interaction_effect,
)
from turncoat.outcome.scoring import (
    MIN_COVERAGE,
    PROLIFERATION,
    Score,
    bulk_sight,
    mean_score,
    score_cohort,
)
from turncoat.outcome.signature import Signature
from turncoat.tables import BoolArray, FloatArray

#: What every hazard ratio is adjusted for where a cohort knows it, in order of importance. The
#: first three come from the expression itself.
ADJUST: Final = (
    "lineage", "proliferation", "tumour_content", "er", "stage", "nodes", "grade", "age",
)  # fmt: skip
ALL: Final = "all patients"
#: Bootstrap samples below which no gain is reported.
MIN_BOOT: Final = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What one cohort answers about one signature.

    Parameters
    ----------
    signature, cohort
        What was asked of whom.
    score
        The score, or why there is none.
    patients
        Follow-up, score and covariates; None without a score.
    effects
        Effect by stratum and model.
    models
        The adjusted model of each stratum that could be fitted.
    strata
        Patients of each stratum.
    gain
        Concordance with and without the score; None where it could not be computed.
    """

    signature: Signature
    cohort: Cohort
    score: Score
    patients: Patients | None
    effects: dict[tuple[str, str], Effect] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    strata: dict[str, BoolArray] = field(default_factory=dict)
    gain: Gain | None = None


def ask(
    signature: Signature,
    cohort: Cohort,
    *,
    adjust: Sequence[str] = ADJUST,
    min_coverage: float = MIN_COVERAGE,
) -> Asked:
    """Fit every model of a signature in a cohort.

    Parameters
    ----------
    signature
        The genes.
    cohort
        The patients.
    adjust
        Covariates, the most important first.
    min_coverage
        Share of the signature's genes that the cohort must measure.

    Returns
    -------
    Asked
        Score, covariates, models and effects; with a reason where there is no score.
    """
    score = score_cohort(cohort, signature, min_coverage=min_coverage)
    if score.reason:
        return Asked(signature, cohort, score, None)
    patients = gather(signature, cohort, score, adjust)
    asked = Asked(signature, cohort, score, patients, strata=strata_of(cohort))
    for stratum, rows in asked.strata.items():
        within = patients.take(rows)
        if stratum != ALL:
            within = within.dropping(cohort.subtype, f"{cohort.subtype} unknown")
        effect, model = estimate_effect(within)
        asked.effects[stratum, "adjusted"] = effect
        if model is not None:
            asked.models[stratum] = model
        bare = within.dropping(*within.names)
        asked.effects[stratum, "unadjusted"] = estimate_effect(bare)[0]
    if cohort.subtype:
        asked.effects[ALL, "interaction"] = _interaction(cohort, patients)
    return asked


def _interaction(cohort: Cohort, patients: Patients) -> Effect:
    subtype = cohort.covariate(cohort.subtype)
    known = np.isfinite(subtype)
    apart = patients.dropping(cohort.subtype, f"{cohort.subtype} unknown").take(known)
    claimed = (subtype[known] == cohort.subtype_level).astype(float)
    return interaction_effect(apart, claimed)


def strata_of(cohort: Cohort) -> dict[str, BoolArray]:
    """Name the groups of patients that are asked separately: all, and each subtype."""
    strata = {ALL: np.ones(cohort.n_patients, dtype=bool)}
    if cohort.subtype:
        subtype = cohort.covariate(cohort.subtype)
        claimed, other = cohort.subtype_level, 1 - cohort.subtype_level
        for level in (claimed, other):
            word = "positive" if level else "negative"
            strata[f"{cohort.subtype} {word}"] = subtype == level
    return strata


def gather(signature: Signature, cohort: Cohort, score: Score, adjust: Sequence[str]) -> Patients:
    """Collect the covariates that a cohort offers, in the order asked for."""
    used = set(score.genes)
    from_expression = {
        "lineage": signature.lineage_genes,
        "proliferation": tuple(gene for gene in PROLIFERATION if gene not in used),
        "tumour_content": signature.tumour_content_genes,
    }
    columns: list[FloatArray] = []
    names: list[str] = []
    for name in adjust:
        if name in from_expression:
            sign = -1.0 if name == "tumour_content" else 1.0
            values = sign * mean_score(cohort, from_expression[name])
            found: list[tuple[FloatArray, tuple[str, ...]]] = []
            if values.any():
                found.append((values[:, None], (name,)))
        else:
            found = [
                fill_unknown(cohort.covariate(column), column)
                for column in map(str, cohort.covariates.columns)
                if column == name or column.startswith(f"{name}=")
            ]
        for block, labels in found:
            columns.append(block)
            names.extend(labels)
    covariates = np.column_stack(columns) if columns else np.empty((cohort.n_patients, 0))
    return Patients(cohort.time, cohort.event, score.values, covariates, tuple(names))


def with_gain(asked: Asked, rng: np.random.Generator, n_boot: int) -> Asked:
    """Add what the score adds to the concordance of the adjusted model's covariates."""
    model = asked.models.get(ALL)
    if model is None or n_boot < MIN_BOOT:
        return asked
    patients = model.patients
    try:
        gain = concordance_gain(
            patients.time,
            patients.event,
            patients.covariates,
            patients.score,
            rng,
            n_boot=n_boot,
        )
    except DesignError:
        return asked
    return replace(asked, gain=gain)


def sight_row(asked: Asked) -> dict[str, object]:
    """Say what a cohort could see of a signature, before any hazard ratio."""
    score, cohort = asked.score, asked.cohort
    sight = bulk_sight(cohort, asked.signature, score)
    wanted = asked.signature.used["gene"]
    missing = [gene for gene in wanted if gene not in set(score.genes)]
    gain = asked.gain
    nan = float("nan")
    return {
        "signature": asked.signature.name,
        "cohort": cohort.name,
        "endpoint": cohort.endpoint,
        "n_patients": cohort.n_patients,
        "n_events": cohort.n_events,
        "n_genes": len(score.genes),
        "coverage": score.coverage,
        "missing": ", ".join(missing),
        "seen_in_patient": sight.in_patient,
        "seen_in_cohort": sight.in_cohort,
        **{f"r_{name}": _correlation(asked, name) for name in ADJUST[:3]},
        "resolvable": "",
        "concordance": gain.without if gain else nan,
        "gain": gain.gain if gain else nan,
        "gain_low": gain.low if gain else nan,
        "gain_high": gain.high if gain else nan,
        "status": "not_testable" if score.reason else "tested",
        "reason": score.reason,
    }


def _correlation(asked: Asked, name: str) -> float:
    if asked.patients is None or name not in asked.patients.names:
        return float("nan")
    values = asked.patients.covariates[:, asked.patients.names.index(name)]
    return float(np.corrcoef(asked.patients.score, values)[0, 1])


def effect_rows(asked: Asked) -> list[dict[str, object]]:
    """Tabulate every model of a cohort."""
    if asked.patients is None:
        refused = Effect(asked.cohort.n_patients, asked.cohort.n_events, reason=asked.score.reason)
        return [_effect_row(asked, ALL, "adjusted", refused)]
    return [
        _effect_row(asked, stratum, model, effect)
        for (stratum, model), effect in asked.effects.items()
    ]


def _effect_row(asked: Asked, stratum: str, model: str, effect: Effect) -> dict[str, object]:
    return {
        "signature": asked.signature.name,
        "cohort": asked.cohort.name,
        "stratum": stratum,
        "model": model,
        "n_patients": effect.n_patients,
        "n_events": effect.n_events,
        "hr": np.exp(effect.log_hr),
        "low": np.exp(effect.low),
        "high": np.exp(effect.high),
        "log_hr": effect.log_hr,
        "se": effect.se,
        "pvalue": effect.pvalue,
        "method": effect.method,
        "adjusted_for": ", ".join(effect.adjusted_for),
        "stratified_by": ", ".join(effect.stratified_by),
        "left_out": ", ".join(effect.left_out),
        "ph_pvalue": effect.ph_pvalue,
        "shared": effect.shared,
        "random_pvalue": float("nan"),
        "status": effect.status,
        "reason": effect.reason,
    }
