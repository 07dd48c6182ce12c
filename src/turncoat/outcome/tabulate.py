"""The outcome's tables, put together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from turncoat.outcome.asking import ALL, Asked
from turncoat.outcome.cohorts.cohort import DROPPED, Cohort
from turncoat.outcome.hazards.kaplan_meier import kaplan_meier
from turncoat.outcome.result import COHORT_RESOLUTION, SIGNATURE_GENES
from turncoat.outcome.signature import Signature

#: Names of the thirds of a score, lowest first.
THIRDS = ("low", "middle", "high")


def with_resolution(
    sight: pd.DataFrame, asked: Sequence[Asked], resolution: pd.DataFrame
) -> pd.DataFrame:
    """Say of each signature's population whether deconvolution could show it."""
    told = resolution.set_index(["cohort", "population"])["verdict"].to_dict()
    words = []
    for each in asked:
        word = told.get((each.cohort.name, each.signature.population), "")
        if word and not each.cohort.measures_levels:
            word = "not from log ratios"
        words.append(word)
    return sight.assign(resolvable=words)


def with_random(
    effects: pd.DataFrame, pvalues: Mapping[tuple[str, str, str], float]
) -> pd.DataFrame:
    """Add the random signatures' p-value to the adjusted models."""
    keys = zip(effects["signature"], effects["cohort"], effects["stratum"], strict=True)
    found = [pvalues.get(key, np.nan) for key in keys]
    adjusted = effects["model"] == "adjusted"
    return effects.assign(random_pvalue=np.where(adjusted, found, np.nan))


def considered_genes(signatures: Sequence[Signature]) -> pd.DataFrame:
    """List every gene considered for every signature."""
    parts = [each.genes.assign(signature=each.name) for each in signatures]
    joined = pd.concat(parts)
    return SIGNATURE_GENES.build({name: joined[name] for name in SIGNATURE_GENES.names})


def curves_of(asked: Asked) -> list[dict[str, object]]:
    """Draw survival by thirds of the score: fixed cuts, chosen by nobody."""
    if asked.patients is None:
        return []
    patients = asked.patients
    third = np.searchsorted(np.quantile(patients.score, [1 / 3, 2 / 3]), patients.score)
    rows: list[dict[str, object]] = []
    for k, word in enumerate(THIRDS):
        if not (third == k).any():
            continue
        curve = kaplan_meier(patients.time[third == k], patients.event[third == k])
        part = curve[["time", "n_at_risk", "survival"]].assign(
            signature=asked.signature.name, cohort=asked.cohort.name, third=word
        )
        rows += [{str(key): value for key, value in row.items()} for row in part.to_dict("records")]
    return rows


def dropped_by(cohorts: Sequence[Cohort]) -> pd.DataFrame:
    """List what the cohorts left out while being read."""
    schema = type(DROPPED)(columns=(COHORT_RESOLUTION.columns[0], *DROPPED.columns))
    joined = pd.concat([each.dropped.assign(cohort=each.name) for each in cohorts])
    return schema.build({name: joined[name] for name in schema.names})


def params_of(
    signatures: Sequence[Signature],
    cohorts: Sequence[Cohort],
    adjust: Sequence[str],
    smallest_hr: float,
    n_random: int,
    n_boot: int,
    seed: int,
) -> dict[str, object]:
    """Note how the result was made."""
    endpoints = sorted({each.endpoint for each in cohorts})
    competing = [each.name for each in cohorts if (each.cause == 2).any()]
    return {
        "signatures": {each.name: each.origin for each in signatures},
        "cohorts": {each.name: each.title for each in cohorts},
        "adjust": list(adjust),
        "smallest_hr": smallest_hr,
        "n_random": n_random,
        "n_boot": n_boot,
        "seed": seed,
        "endpoints": endpoints,
        "all_patients": ALL,
        "competing_risks": f"cause-specific hazards in {competing}" if competing else "none given",
        "pooling": "random effects (DerSimonian-Laird), Hartung-Knapp, never shorter than the errors allow",
    }
