"""Patient cohorts: what the user declares, read and checked before any model sees it."""

from turncoat.outcome.cohorts.bundled import BUNDLED_COHORTS, cohort
from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.cohorts.declaration import Declaration, read_declaration
from turncoat.outcome.cohorts.read import read_cohort

__all__ = [
    "BUNDLED_COHORTS",
    "Cohort",
    "Declaration",
    "cohort",
    "read_cohort",
    "read_declaration",
]
