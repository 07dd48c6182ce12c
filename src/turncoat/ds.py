"""Data sets: built in, and planted with known truth."""

from turncoat.knowledge.lung_niches import lung_niches, lung_niches_study
from turncoat.outcome.cohorts import cohort
from turncoat.study.planted import Plan, PlantedTruth, planted, planted_truth, write_planted

__all__ = [
    "Plan",
    "PlantedTruth",
    "cohort",
    "lung_niches",
    "lung_niches_study",
    "planted",
    "planted_truth",
    "write_planted",
]
