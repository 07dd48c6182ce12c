"""From files to a tally."""

import sys
from typing import TYPE_CHECKING, Any, Final

from turncoat.lazily import load

if TYPE_CHECKING:
    from turncoat.cells.annotate import annotate
    from turncoat.cells.celltypist import import_celltypist
    from turncoat.cells.doublets import doublets
    from turncoat.cells.malignant import malignant
    from turncoat.cells.model import Annotator
    from turncoat.cells.quality import quality
    from turncoat.cells.sharpen import sharpen
    from turncoat.cells.train import train_annotator
    from turncoat.study.corrected import corrected
    from turncoat.tally.engine import tally_plan
    from turncoat.tally.merge import merge_tallies
    from turncoat.tally.tally import tally, tally_file

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

#: Where each is: a room is loaded when it is first asked something.
HOMES: Final = {
    "Annotator": "turncoat.cells.model",
    "annotate": "turncoat.cells.annotate",
    "corrected": "turncoat.study.corrected",
    "doublets": "turncoat.cells.doublets",
    "import_celltypist": "turncoat.cells.celltypist",
    "malignant": "turncoat.cells.malignant",
    "merge_tallies": "turncoat.tally.merge",
    "quality": "turncoat.cells.quality",
    "sharpen": "turncoat.cells.sharpen",
    "tally": "turncoat.tally.tally",
    "tally_file": "turncoat.tally.tally",
    "tally_plan": "turncoat.tally.engine",
    "train_annotator": "turncoat.cells.train",
}


def __getattr__(name: str) -> Any:
    return load(sys.modules[__name__], HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
