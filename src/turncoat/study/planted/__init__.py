"""Synthetic studies with planted truth."""

from turncoat.study.planted.plan import Edge, Plan, Shift, Switch
from turncoat.study.planted.planted import planted, write_planted
from turncoat.study.planted.truth import PlantedTruth, planted_truth

__all__ = [
    "Edge",
    "Plan",
    "PlantedTruth",
    "Shift",
    "Switch",
    "planted",
    "planted_truth",
    "write_planted",
]
