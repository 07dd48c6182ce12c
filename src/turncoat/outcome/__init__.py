"""What it costs the patient."""

from turncoat.outcome import plot
from turncoat.outcome.cohorts import Cohort, cohort, read_cohort
from turncoat.outcome.outcome import outcome, signature
from turncoat.outcome.result import Outcome
from turncoat.outcome.signature import Signature

__all__ = [
    "Cohort",
    "Outcome",
    "Signature",
    "cohort",
    "outcome",
    "plot",
    "read_cohort",
    "signature",
]
