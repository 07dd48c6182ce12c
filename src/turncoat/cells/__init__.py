"""Row by row: what each cell is, how sure that is, and when to abstain."""

from turncoat.cells.annotate import annotate, annotate_plan, learn_annotator
from turncoat.cells.celltypist import import_celltypist
from turncoat.cells.doublets import doublets
from turncoat.cells.malignancy import Malignancy
from turncoat.cells.malignant import malignant
from turncoat.cells.markers import MarkerSet, marker_set
from turncoat.cells.model import Annotator
from turncoat.cells.quality import quality
from turncoat.cells.quality_result import Quality
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.cells.sharpen import sharpen
from turncoat.cells.study import annotate_study, write_into_h5ad, write_labels
from turncoat.cells.train import train_annotator

__all__ = [
    "UNASSIGNED",
    "Annotation",
    "Annotator",
    "Malignancy",
    "MarkerSet",
    "Quality",
    "annotate",
    "annotate_plan",
    "annotate_study",
    "doublets",
    "import_celltypist",
    "learn_annotator",
    "malignant",
    "marker_set",
    "quality",
    "sharpen",
    "train_annotator",
    "write_into_h5ad",
    "write_labels",
]
