"""Several studies' allegiances put together: per-study shifts, pooled shift, disagreement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.allegiance.result import Allegiance
from turncoat.errors import ArgumentError
from turncoat.knowledge.vocabulary import match_population
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.pooling import Pooled, pool_fixed, pool_random
from turncoat.tables import Column, TableSchema

NAN = float("nan")
#: With fewer studies no spread between them can be told: their mean is that of one and the same.
MIN_RANDOM = 3


@dataclass(frozen=True, slots=True)
class PooledAllegiance:
    """What :func:`turncoat.tl.pool` found.

    Parameters
    ----------
    table
        One pooled shift per population and axis.
    studies
        The studies' own shifts.
    params
        Names of the studies, and every argument.
    """

    table: pd.DataFrame
    studies: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    table_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population, by its name in the vocabulary."),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("status", "text", "", "tested or not_testable."),
            Column("reason", "text", "", "Why not pooled."),
            Column("model", "text", "", "random (DerSimonian-Laird, Hartung-Knapp) or fixed."),
            Column("n_studies", "whole", "studies", "Studies with an estimate."),
            Column("n_donors", "whole", "donors", "Donors of these studies."),
            Column("shift", "real", "log2", "Pooled shift, case minus reference."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Two-sided."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over the rows."),
            Column("tau2", "real", "log2 squared", "Variance between studies."),
            Column("i2", "real", "%", "Share of the spread beyond chance."),
            Column("q_pvalue", "real", "", "Cochran's test of disagreement."),
            Column("prediction_lower", "real", "log2", "Where a further study should lie, 95 %."),
            Column("prediction_upper", "real", "log2", "Where a further study should lie, 95 %."),
        ),
        key=("population", "axis"),
    )
    studies_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("study", "text", "", "Study."),
            Column("population", "text", "", "Cell population, by its name in the vocabulary."),
            Column("label", "text", "", "The population as the study calls it."),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("n_donors", "whole", "donors", "Donors."),
            Column("shift", "real", "log2", "Shift, case minus reference."),
            Column("error", "real", "log2", "Its standard error."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
        ),
        key=("study", "label", "axis"),
    )

    def __post_init__(self) -> None:
        self.table_schema.check(self.table)
        self.studies_schema.check(self.studies)


def pool(results: Mapping[str, Allegiance]) -> PooledAllegiance:
    """Pool the shifts of several studies, population by population and axis by axis.

    Each study is tested with its own donors; only its estimates are put together, so that
    differences between studies never pass for differences between patients.

    Parameters
    ----------
    results
        One result per study, each of one tissue.

    Returns
    -------
    PooledAllegiance
        With three or more studies the mean of studies that differ (Hartung and Knapp's
        interval); with two, whose spread cannot be told, the mean of one common shift.

    Raises
    ------
    ArgumentError
        With fewer than two studies, several tissues in one, or two labels of one population.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.pool({"Kim 2020": first, "Wu 2021": second})  # doctest: +SKIP
    """
    if len(results) < 2:
        raise ArgumentError(f"Pooling needs at least two studies; got {len(results)}.")
    rows = [row for name, result in results.items() for row in _study_rows(name, result)]
    studies = PooledAllegiance.studies_schema.build(rows)
    pooled = [
        _pool_rows(str(population), str(axis), own)
        for (population, axis), own in studies.groupby(["population", "axis"], sort=True)
    ]
    table = PooledAllegiance.table_schema.build(pooled)
    table["qvalue"] = benjamini_hochberg(table["pvalue"].to_numpy())
    contrasts = {name: str(result.params["contrast"]) for name, result in results.items()}
    return PooledAllegiance(table, studies, {"studies": list(results), "contrasts": contrasts})


def _study_rows(name: str, result: Allegiance) -> list[dict[str, Any]]:
    tested = result.table[result.table["status"] == "tested"]
    if len(set(result.table["tissue"])) > 1:
        raise ArgumentError(
            f"The study '{name}' was compared within several tissues: pool one tissue at a time."
        )
    meant = {label: match_population(label).population or label for label in tested["population"]}
    if len(set(meant.values())) < len(meant):
        raise ArgumentError(
            f"The study '{name}' has two labels that mean the same population: "
            f"{', '.join(sorted(meant))}. Give them one label before the tally."
        )
    return [
        {
            "study": name,
            "population": meant[str(row["population"])],
            "label": str(row["population"]),
            "axis": axis,
            "n_donors": int(row["n_donors"]),
            "shift": row[f"{prefix}_shift"],
            "error": row[f"{prefix}_error"],
            "lower": row[f"{prefix}_lower"],
            "upper": row[f"{prefix}_upper"],
        }
        for row in tested.to_dict("records")
        for prefix, axis in (("anti", "anti_tumour"), ("pro", "pro_tumour"))
    ]


def _pool_rows(population: str, axis: str, own: pd.DataFrame) -> dict[str, Any]:
    usable = own[np.isfinite(own["shift"]) & (own["error"] > 0)]
    row: dict[str, Any] = {
        "population": population,
        "axis": axis,
        "n_studies": len(usable),
        "n_donors": int(usable["n_donors"].sum()),
    }
    if len(usable) < 2:
        reason = "fewer than two studies have an estimate"
        return row | {"status": "not_testable", "reason": reason, "model": ""}
    effects, errors = usable["shift"].to_numpy(), usable["error"].to_numpy()
    random = len(usable) >= MIN_RANDOM
    found: Pooled = pool_random(effects, errors) if random else pool_fixed(effects, errors)
    return row | {
        "status": "tested",
        "reason": "",
        "model": "random" if random else "fixed",
        "shift": found.effect,
        "lower": found.low,
        "upper": found.high,
        "pvalue": found.pvalue,
        "tau2": found.tau2 if random else NAN,
        "i2": found.i2,
        "q_pvalue": found.q_pvalue,
        "prediction_lower": found.prediction_low,
        "prediction_upper": found.prediction_high,
    }
