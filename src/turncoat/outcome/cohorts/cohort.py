"""A cohort that passed its checks."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from turncoat.errors import MissingKeyError, StudyError, did_you_mean
from turncoat.tables import Column, FloatArray, IntArray, TableSchema

DROPPED = TableSchema(
    columns=(
        Column("what", "text", "", "What was left out: patient, gene or covariate."),
        Column("name", "text", "", "Its name, or how many."),
        Column("reason", "text", "", "Why."),
    ),
)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Patients with bulk expression and follow-up.

    Parameters
    ----------
    name, title, source, endpoint, platform
        What the cohort is and what was waited for.
    scale
        ``log2``, or ``log_ratio`` for two-colour arrays, whose genes have no common zero.
    expression
        Log2 expression or log2 ratio, shape ``(n_patients, n_genes)``, float32.
    genes
        Gene symbols, one per column of ``expression``, unique.
    patients
        Patient names, one per row.
    time
        Follow-up in months, above zero.
    cause
        0 censored, 1 the event, 2 a competing event.
    covariates
        One column per covariate, NaN where not known; categories are spread over columns.
    subtype
        Name of the binary covariate that makes the subtype; empty for none.
    subtype_level
        1.0 or 0.0: the level of it in which claims are made.
    dropped
        What was left out while reading, and why.
    """

    name: str
    title: str
    source: str
    endpoint: str
    platform: str
    scale: str
    expression: FloatArray
    genes: tuple[str, ...]
    patients: tuple[str, ...]
    time: FloatArray
    cause: IntArray
    covariates: pd.DataFrame
    subtype: str
    subtype_level: float
    dropped: pd.DataFrame

    dropped_schema: ClassVar[TableSchema] = DROPPED

    def __post_init__(self) -> None:
        n_patients = len(self.patients)
        shapes = {self.expression.shape[0], self.time.size, self.cause.size, len(self.covariates)}
        if shapes != {n_patients} or self.expression.shape[1] != len(self.genes):
            raise StudyError(
                f"Cohort '{self.name}': expression {self.expression.shape}, {self.time.size} times, "
                f"{self.cause.size} events and {len(self.covariates)} clinical rows do not belong "
                f"to {n_patients} patients and {len(self.genes)} genes."
            )
        self.dropped_schema.check(self.dropped)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.patients)

    @property
    def event(self) -> FloatArray:
        """1.0 where the event happened; competing events count as censored (cause-specific)."""
        return np.asarray(self.cause == 1, dtype=float)

    @property
    def n_events(self) -> int:
        """Number of events, competing ones left out."""
        return int((self.cause == 1).sum())

    @property
    def measures_levels(self) -> bool:
        """Whether the expression of different genes can be compared, as deconvolution needs."""
        return self.scale == "log2"

    def covariate(self, name: str) -> FloatArray:
        """Values of one covariate, NaN where not known."""
        if name not in self.covariates:
            raise MissingKeyError(
                f"Cohort '{self.name}' has no covariate '{name}'. "
                f"{did_you_mean(name, self.covariates.columns)}"
            )
        return self.covariates[name].to_numpy(dtype=float)

    def columns_of(self, genes: "list[str] | tuple[str, ...]") -> dict[str, int]:
        """Where those of some genes that are measured stand in ``expression``."""
        where = {gene: column for column, gene in enumerate(self.genes)}
        return {gene: where[gene] for gene in dict.fromkeys(genes) if gene in where}
