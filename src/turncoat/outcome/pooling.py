"""From the cohorts' answers to one verdict per signature and group of patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from turncoat.outcome.asking import Asked
from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.null import (
    GenePool,
    draw_signatures,
    gene_pool,
    joint_z,
    random_hazards,
    random_pvalue,
    random_scores,
)
from turncoat.outcome.power import events_needed
from turncoat.outcome.verdict import judge
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.pooling import Pooled, pool_fixed, pool_random
from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Answers:
    """Pooled rows, random z-values, and the random p-value of every cohort's row."""

    rows: list[dict[str, Any]]
    random: dict[str, Any]
    random_pvalues: dict[tuple[str, str, str], float]


def pool_answers(
    asked: Sequence[Asked],
    cohorts: Sequence[Cohort],
    *,
    n_random: int,
    smallest_hr: float,
    rng: np.random.Generator,
) -> Answers:
    """Pool every signature over cohorts, hold it against random ones, and judge.

    Parameters
    ----------
    asked
        Every signature in every cohort.
    cohorts
        The cohorts.
    n_random
        Random signatures.
    smallest_hr
        The hazard ratio per standard deviation that would matter.
    rng
        Source of the random signatures.

    Returns
    -------
    Answers
        Rows for the result's tables.
    """
    pool = gene_pool(cohorts)
    place = {cohort.name: k for k, cohort in enumerate(cohorts)}
    rows: list[dict[str, Any]] = []
    drawn_z: dict[str, list[Any]] = {"signature": [], "stratum": [], "draw": [], "z": []}
    pvalues: dict[tuple[str, str, str], float] = {}
    for name in dict.fromkeys(each.signature.name for each in asked):
        answers = [each for each in asked if each.signature.name == name]
        columns, weights = _draw(answers, pool, n_random, rng)
        for stratum in dict.fromkeys(
            s for each in answers for s in (each.strata or ["all patients"])
        ):
            tested = [each for each in answers if _is_tested(each, stratum)]
            null = _null(tested, stratum, columns, weights, place) if n_random and tested else None
            observed, draws = null if null is not None else ({}, np.empty(0))
            for cohort, (z, random) in observed.items():
                pvalues[name, cohort, stratum] = random_pvalue(z, random)
            joint = float("nan")
            if null is not None:
                joint = _joint_observed(tested, stratum)
                _keep(drawn_z, name, stratum, joint, draws)
            rows.append(
                _row(name, stratum, tested, answers, random_pvalue(joint, draws), smallest_hr)
            )
    return Answers(_judge_all(rows, smallest_hr), drawn_z, pvalues)


def _is_tested(asked: Asked, stratum: str) -> bool:
    effect = asked.effects.get((stratum, "adjusted"))
    return effect is not None and effect.status == "tested"


def _draw(
    answers: Sequence[Asked], pool: GenePool, n_random: int, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Draw random signatures for the genes that any cohort scored."""
    weight = {
        gene: answers[0].signature.used.set_index("gene")["weight"][gene]
        for each in answers
        for gene in each.score.genes
    }
    genes = sorted(weight)
    drawn = draw_signatures(pool, genes, n_random, rng)
    return pool.column[drawn] if genes else np.empty((n_random, 0, 1), dtype=np.int64), np.array(
        [weight[gene] for gene in genes]
    )


def _null(
    tested: Sequence[Asked],
    stratum: str,
    columns: IntArray,
    weights: FloatArray,
    place: dict[str, int],
) -> tuple[dict[str, tuple[float, FloatArray]], FloatArray]:
    """Put the random signatures through each cohort's own model."""
    observed: dict[str, tuple[float, FloatArray]] = {}
    hazards: list[FloatArray] = []
    for each in tested:
        scores = random_scores(
            each.cohort, columns[:, :, place[each.cohort.name]], weights, each.strata[stratum]
        )
        found = random_hazards(each.models[stratum], scores)
        hazards.append(found)
        observed[each.cohort.name] = (
            each.effects[stratum, "adjusted"].z,
            np.asarray(found[:, 0] / found[:, 1]),
        )
    return observed, joint_z(hazards)


def _joint_observed(tested: Sequence[Asked], stratum: str) -> float:
    """Joint z of the claim, from the same unpenalised models as the random signatures'."""
    own = [
        random_hazards(each.models[stratum], each.models[stratum].patients.score[:, None])
        for each in tested
    ]
    return float(joint_z(own)[0])


def _keep(
    kept: dict[str, list[Any]], name: str, stratum: str, joint: float, draws: FloatArray
) -> None:
    known = draws[np.isfinite(draws)]
    kept["signature"] += [name] * (known.size + 1)
    kept["stratum"] += [stratum] * (known.size + 1)
    kept["draw"] += list(range(-1, known.size))
    kept["z"] += [joint, *known.tolist()]


def _row(
    name: str,
    stratum: str,
    tested: Sequence[Asked],
    answers: Sequence[Asked],
    random: float,
    smallest_hr: float,
) -> dict[str, Any]:
    effects = [each.effects[stratum, "adjusted"] for each in tested]
    pooled: Pooled | None = None
    if effects:
        errors = np.array([effect.se for effect in effects])
        pooled = _pool(np.array([effect.log_hr for effect in effects]), errors)
    shared = float(np.median([effect.shared for effect in effects])) if effects else 0.0
    reasons = sorted(
        {
            each.score.reason or each.effects[stratum, "adjusted"].reason
            for each in answers
            if each not in tested
        }
    )
    return {
        "signature": name,
        "stratum": stratum,
        "n_cohorts": len(effects),
        "n_patients": sum(effect.n_patients for effect in effects),
        "n_events": sum(effect.n_events for effect in effects),
        "hr": np.exp(pooled.effect) if pooled else np.nan,
        "low": np.exp(pooled.low) if pooled else np.nan,
        "high": np.exp(pooled.high) if pooled else np.nan,
        "pvalue": pooled.pvalue if pooled else np.nan,
        "random_pvalue": random,
        "tau2": pooled.tau2 if pooled else np.nan,
        "i2": pooled.i2 / 100 if pooled else np.nan,
        "events_needed": events_needed(smallest_hr, shared),
        "status": "tested" if pooled else "not_testable",
        "reason": "" if pooled else "; ".join(reasons),
        "pooled": pooled,
    }


def _pool(effects: FloatArray, errors: FloatArray) -> Pooled:
    """Pool cohorts as differing studies; one cohort speaks for itself."""
    return pool_fixed(effects, errors) if effects.size == 1 else pool_random(effects, errors)


def _judge_all(rows: list[dict[str, Any]], smallest_hr: float) -> list[dict[str, Any]]:
    """Correct over everything asked, then give each row its verdict."""
    pvalues = np.array([row["pvalue"] for row in rows], dtype=float)
    qvalues = benjamini_hochberg(pvalues)
    for row, qvalue in zip(rows, qvalues, strict=True):
        verdict = judge(
            row.pop("pooled"),
            n_events=row["n_events"],
            qvalue=float(qvalue),
            random_pvalue=row["random_pvalue"],
            needed=row["events_needed"],
            smallest_hr=smallest_hr,
        )
        row["qvalue"], row["verdict"] = float(qvalue), verdict.verdict
        row["reason"] = row["reason"] or verdict.reason
    return rows
