"""From files to a tally."""

from turncoat.cells import (
    Annotator,
    annotate,
    doublets,
    import_celltypist,
    malignant,
    quality,
    sharpen,
    train_annotator,
)
from turncoat.study.corrected import corrected
from turncoat.tally import merge_tallies, tally, tally_file, tally_plan

__all__ = [
    "Annotator",
    "annotate",
    "corrected",
    "doublets",
    "import_celltypist",
    "malignant",
    "merge_tallies",
    "quality",
    "sharpen",
    "tally",
    "tally_file",
    "tally_plan",
    "train_annotator",
]
