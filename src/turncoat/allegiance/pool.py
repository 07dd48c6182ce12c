"""Several studies' allegiances put together: per-study shifts, pooled shift, disagreement."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from turncoat.allegiance.result import Allegiance
from turncoat.errors import ArgumentError, DesignWarning, warn
from turncoat.knowledge.vocabulary import match_population
from turncoat.stats.estimate import compared_donors
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.pooling import Pooled, pool_donors, pool_random, pool_same
from turncoat.tables import Column, TableSchema

NAN = float("nan")
#: With fewer studies no spread between them can be told: their mean is that of one and the same.
MIN_RANDOM = 3

#: Why studies that agree to the last digit are not pooled.
SAME = "all studies give the same shift to the last digit: are they one study under several names?"

Method = Literal["donors", "hartung-knapp"]


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
            Column(
                "tissue", "text", "", "Tissue compared within; empty where tissues are compared."
            ),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("status", "text", "", "tested or not_testable."),
            Column("reason", "text", "", "Why not pooled."),
            Column("model", "text", "", "random: studies may differ; fixed: one common shift."),
            Column("n_studies", "whole", "studies", "Studies with an estimate."),
            Column("n_donors", "whole", "donors", "Donors of these studies."),
            Column("shift", "real", "log2", "Pooled shift, case minus reference."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
            Column("pvalue", "real", "", "Two-sided."),
            Column("qvalue", "real", "", "Benjamini-Hochberg over the rows."),
            Column("p_floor", "real", "", "None: Student's law sets no smallest p-value."),
            Column("tau2", "real", "log2 squared", "Variance between studies."),
            Column("i2", "real", "%", "Share of the spread beyond chance."),
            Column("q_pvalue", "real", "", "Cochran's test of disagreement."),
            Column("prediction_lower", "real", "log2", "Where a further study should lie, 95 %."),
            Column("prediction_upper", "real", "log2", "Where a further study should lie, 95 %."),
        ),
        key=("population", "tissue", "axis"),
    )
    studies_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("study", "text", "", "Study."),
            Column("population", "text", "", "Cell population, by its name in the vocabulary."),
            Column("label", "text", "", "The population as the study calls it."),
            Column(
                "tissue", "text", "", "Tissue compared within; empty where tissues are compared."
            ),
            Column("axis", "text", "", "anti_tumour or pro_tumour."),
            Column("n_donors", "whole", "donors", "Donors."),
            Column("worth", "real", "donors", "Case times reference donors over their sum."),
            Column("shift", "real", "log2", "Shift, case minus reference."),
            Column("error", "real", "log2", "Its standard error."),
            Column("freedom", "real", "", "Degrees of freedom of that error."),
            Column("lower", "real", "log2", "Lower bound of its 95 % interval."),
            Column("upper", "real", "log2", "Upper bound of its 95 % interval."),
        ),
        key=("study", "label", "tissue", "axis"),
    )

    def __post_init__(self) -> None:
        self.table_schema.check(self.table)
        self.studies_schema.check(self.studies)


def pool(results: Mapping[str, Allegiance], *, method: Method = "donors") -> PooledAllegiance:
    """Pool the shifts of several studies, population by population and axis by axis.

    Each study is tested with its own donors; only its estimates are put together, so that
    differences between studies never pass for differences between patients. Labels are matched by
    what they mean; where a study has two labels of one meaning, each goes by its own name.

    Parameters
    ----------
    results
        One result per study.
    method
        How three or more studies are put together. ``"donors"`` weighs each by the root of its
        donors, known beforehand: it holds its level with five donors an arm too.
        ``"hartung-knapp"`` is the field's (DerSimonian and Laird's weights): beside it the level is
        0.06 to 0.07 with few donors.

    Returns
    -------
    PooledAllegiance
        With three or more studies the mean of studies that differ; with two, whose spread cannot
        be told, the mean of one common shift, weighed by donors.

    Raises
    ------
    ArgumentError
        With fewer than two studies, or a method that is none.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.pool({"Kim 2020": first, "Wu 2021": second})  # doctest: +SKIP
    """
    if len(results) < 2:
        raise ArgumentError(f"Pooling needs at least two studies; got {len(results)}.")
    if method not in get_args(Method):
        raise ArgumentError(f"'method' should be donors or hartung-knapp; got {method!r}.")
    rows = [row for name, result in results.items() for row in _study_rows(name, result)]
    every = PooledAllegiance.studies_schema.build(rows)
    # What no study could test has no estimate of its own, and still a row that says so.
    studies = every[np.isfinite(every["error"])].reset_index(drop=True)
    pooled = [
        _pool_rows((str(population), str(tissue), str(axis)), own, method)
        for (population, tissue, axis), own in every.groupby(
            ["population", "tissue", "axis"], sort=True
        )
    ]
    table = PooledAllegiance.table_schema.build(pooled)
    table["qvalue"] = benjamini_hochberg(table["pvalue"].to_numpy())
    contrasts = {name: str(result.params["contrast"]) for name, result in results.items()}
    _tell_shared_donors(results)
    params = {"studies": list(results), "contrasts": contrasts, "method": method}
    return PooledAllegiance(table, studies, params)


def _tell_shared_donors(results: Mapping[str, Allegiance]) -> None:
    donors = [set(result.scores["donor"].astype(str)) for result in results.values()]
    shared = sorted(set().union(*(a & b for a, b in itertools.combinations(donors, 2))))
    if shared:
        named = f"{', '.join(shared[:3])}{', …' if len(shared) > 3 else ''}"
        warn(
            f"{len(shared)} donors are called the same in two studies ({named}). If they are the "
            "same people, they are counted twice: leave them out of one study.",
            DesignWarning,
        )


def _study_rows(name: str, result: Allegiance) -> list[dict[str, Any]]:
    table = result.table
    labels = sorted(set(table["population"].astype(str)))
    meant = {label: match_population(label).population or label for label in labels}
    tested = set(table.loc[table["status"] == "tested", "population"].astype(str))
    named = [meant[label] for label in labels if label in tested]
    shared = {meaning for meaning in named if named.count(meaning) > 1}
    return [
        {
            "study": name,
            "population": row["population"] if meant[row["population"]] in shared else meant[row["population"]],
            "label": row["population"],
            "tissue": str(row["tissue"]),
            "axis": axis,
            "n_donors": int(row["n_donors"]),
            "worth": float(compared_donors(row["n_case"], row["n_reference"]))
            if row["status"] == "tested"
            else NAN,
            "shift": row[f"{prefix}_shift"],
            "error": row[f"{prefix}_error"],
            "freedom": row[f"{prefix}_freedom"],
            "lower": row[f"{prefix}_lower"],
            "upper": row[f"{prefix}_upper"],
        }
        for row in table.to_dict("records")
        for prefix, axis in (("anti", "anti_tumour"), ("pro", "pro_tumour"))
    ]  # fmt: skip


def _pool_rows(where: tuple[str, str, str], own: pd.DataFrame, method: Method) -> dict[str, Any]:
    usable = own[np.isfinite(own["shift"]) & (own["error"] > 0)]
    row: dict[str, Any] = dict(zip(("population", "tissue", "axis"), where, strict=True))
    row |= {
        "n_studies": len(usable),
        "n_donors": int(usable["n_donors"].sum()),
    }
    if len(usable) < 2:
        reason = "fewer than two studies have an estimate"
        return row | {"status": "not_testable", "reason": reason, "model": ""}
    random = len(usable) >= MIN_RANDOM
    found = _pool(usable, method) if random else _pool_two(usable)
    known = bool(np.isfinite(found.pvalue))
    return row | {
        "status": "tested" if known else "not_testable",
        "reason": "" if known else SAME,
        "model": "random" if random else "fixed",
        "shift": found.effect,
        "lower": found.low,
        "upper": found.high,
        "pvalue": found.pvalue,
        "p_floor": NAN,
        "tau2": found.tau2 if random else NAN,
        "i2": found.i2,
        "q_pvalue": found.q_pvalue,
        "prediction_lower": found.prediction_low,
        "prediction_upper": found.prediction_high,
    }


def _pool(own: pd.DataFrame, method: Method) -> Pooled:
    effects, errors, worth = (own[name].to_numpy() for name in ("shift", "error", "worth"))
    if method == "donors":
        return pool_donors(effects, errors, worth)
    return pool_random(effects, errors, guard=False)


def _pool_two(own: pd.DataFrame) -> Pooled:
    names = ("shift", "error", "freedom", "worth")
    return pool_same(*(own[name].to_numpy() for name in names))
