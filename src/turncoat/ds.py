"""Data sets: built in, and planted with known truth."""

from turncoat.outcome.cohorts import cohort
from turncoat.study.planted import Plan, PlantedTruth, planted, planted_truth, write_planted

__all__ = ["Plan", "PlantedTruth", "cohort", "planted", "planted_truth", "write_planted"]
