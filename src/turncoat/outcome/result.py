"""What :func:`turncoat.tl.outcome` found."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from turncoat.outcome.deconvolution import RESOLUTION
from turncoat.outcome.signature import GENES
from turncoat.tables import Column, TableSchema

_WHO = (
    Column("signature", "text", "", "The cell state."),
    Column("cohort", "text", "", "The cohort."),
)
_PATIENTS = (
    Column("n_patients", "whole", "patients", "Patients in the model."),
    Column("n_events", "whole", "events", "Events in the model."),
)
_STATUS = (
    Column("status", "text", "", "tested, not_testable or abstained."),
    Column("reason", "text", "", "Why not, or what to know."),
)

POOLED = TableSchema(
    columns=(
        Column("signature", "text", "", "The cell state."),
        Column("stratum", "text", "", "Patients asked: all, or a subtype."),
        Column("n_cohorts", "whole", "cohorts", "Cohorts that could be tested."),
        *_PATIENTS,
        Column("hr", "real", "per SD", "Pooled hazard ratio per standard deviation, adjusted."),
        Column("low", "real", "per SD", "Lower 95 % bound (Hartung-Knapp, cautious)."),
        Column("high", "real", "per SD", "Upper 95 % bound."),
        Column("pvalue", "real", "", "Against a hazard ratio of 1."),
        Column("qvalue", "real", "", "Benjamini-Hochberg over the tested rows."),
        Column("random_pvalue", "real", "", "Share of random signatures that do as well."),
        Column("tau2", "real", "log²", "Variance of the true effects between cohorts."),
        Column("i2", "real", "", "Share of the spread between cohorts that is no sampling error."),
        Column("events_needed", "whole", "events", "Events that would show the least effect."),
        Column("verdict", "text", "", "worse, better, no association or cannot tell."),
        *_STATUS,
    ),
    key=("signature", "stratum"),
)

EFFECTS = TableSchema(
    columns=(
        *_WHO,
        Column("stratum", "text", "", "Patients asked: all, or a subtype."),
        Column("model", "text", "", "adjusted, unadjusted, or interaction with the subtype."),
        *_PATIENTS,
        Column("hr", "real", "per SD", "Hazard ratio; for interactions the ratio of two."),
        Column("low", "real", "per SD", "Lower 95 % bound."),
        Column("high", "real", "per SD", "Upper 95 % bound."),
        Column("log_hr", "real", "log per SD", "Its logarithm."),
        Column("se", "real", "log per SD", "Standard error of the logarithm."),
        Column("pvalue", "real", "", "Wald, or penalised likelihood ratio with Firth's penalty."),
        Column("method", "text", "", "Cox, or Cox with Firth's penalty."),
        Column("adjusted_for", "text", "", "Covariates in the model."),
        Column("stratified_by", "text", "", "Covariates that broke proportionality."),
        Column("left_out", "text", "", "Covariates for which events were too few."),
        Column("ph_pvalue", "real", "", "Proportionality of the score's own hazard."),
        Column("shared", "real", "", "Share of the score's variance in the covariates."),
        Column("random_pvalue", "real", "", "Share of random signatures that do as well."),
        *_STATUS,
    ),
    key=("signature", "cohort", "stratum", "model"),
)

SIGHT = TableSchema(
    columns=(
        *_WHO,
        Column("endpoint", "text", "", "What was waited for."),
        *_PATIENTS,
        Column("n_genes", "whole", "genes", "Signature genes used."),
        Column("coverage", "real", "", "Share of the signature's genes that the cohort measures."),
        Column("missing", "text", "", "Signature genes that it does not measure."),
        Column(
            "seen_in_patient", "real", "", "Share of transcripts at which one patient stands out."
        ),
        Column("seen_in_cohort", "real", "", "Difference between halves found with 80 % power."),
        Column("r_lineage", "real", "", "Correlation with the lineage's abundance."),
        Column("r_proliferation", "real", "", "Correlation with proliferation."),
        Column("r_tumour_content", "real", "", "Correlation with tumour content."),
        Column("resolvable", "text", "", "Whether deconvolution can show the population here."),
        Column("concordance", "real", "", "Harrell's C of the covariates alone."),
        Column("gain", "real", "", "What the score adds, corrected for optimism."),
        Column("gain_low", "real", "", "Lower 95 % bound, patients outside the bootstrap sample."),
        Column("gain_high", "real", "", "Upper 95 % bound."),
        *_STATUS,
    ),
    key=("signature", "cohort"),
)

SIGNATURE_GENES = TableSchema(
    columns=(Column("signature", "text", "", "The cell state."), *GENES.columns),
    key=("signature", "gene"),
)

COHORT_RESOLUTION = TableSchema(
    columns=(Column("cohort", "text", "", "The cohort."), *RESOLUTION.columns),
    key=("cohort", "population"),
)

RANDOM = TableSchema(
    columns=(
        Column("signature", "text", "", "The cell state."),
        Column("stratum", "text", "", "Patients asked."),
        Column("draw", "whole", "", "Random signature; -1 for the claim itself."),
        Column("z", "real", "", "Joint z over cohorts."),
    ),
    key=("signature", "stratum", "draw"),
)

CURVES = TableSchema(
    columns=(
        *_WHO,
        Column("third", "text", "", "low, middle or high third of the score."),
        Column("time", "real", "months", "Time of a step."),
        Column("n_at_risk", "whole", "patients", "At risk just before."),
        Column("survival", "real", "", "Share without the event after it."),
    ),
    key=("signature", "cohort", "third", "time"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What more of a cell state costs patients, cohort by cohort and pooled.

    Parameters
    ----------
    table
        Pooled hazard ratios with verdicts.
    effects
        Every model of every cohort.
    sight
        Coverage, bulk blindness, confounding and concordance, per cohort.
    genes
        Every gene considered for every signature, with the reason where it is not used.
    resolution
        Which populations deconvolution can show in each cohort's genes.
    random
        Joint z of the claim and of random signatures.
    curves
        Kaplan-Meier curves by thirds of the score: a picture, not a test.
    dropped
        What the cohorts left out while being read.
    params
        How it was made.
    """

    table: pd.DataFrame
    effects: pd.DataFrame
    sight: pd.DataFrame
    genes: pd.DataFrame
    resolution: pd.DataFrame
    random: pd.DataFrame
    curves: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, Any]

    schema: ClassVar[TableSchema] = POOLED
    effects_schema: ClassVar[TableSchema] = EFFECTS
    sight_schema: ClassVar[TableSchema] = SIGHT
    genes_schema: ClassVar[TableSchema] = SIGNATURE_GENES
    resolution_schema: ClassVar[TableSchema] = COHORT_RESOLUTION
    random_schema: ClassVar[TableSchema] = RANDOM
    curves_schema: ClassVar[TableSchema] = CURVES

    def __post_init__(self) -> None:
        self.schema.check(self.table)
        self.effects_schema.check(self.effects)
        self.sight_schema.check(self.sight)
        self.genes_schema.check(self.genes)
        self.resolution_schema.check(self.resolution)
        self.random_schema.check(self.random)
        self.curves_schema.check(self.curves)
