"""From files to a tally."""

from turncoat.cells import Annotator, annotate, doublets, malignant, quality, train_annotator
from turncoat.tally import merge_tallies, tally, tally_plan

__all__ = [
    "Annotator",
    "annotate",
    "doublets",
    "malignant",
    "merge_tallies",
    "quality",
    "tally",
    "tally_plan",
    "train_annotator",
]
