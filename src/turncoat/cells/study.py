"""Annotating a study as its file says: populations, states, malignant or not."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from turncoat.cells.annotate import assemble, learn_annotator, look_for, user_labels
from turncoat.cells.fits import check_fit
from turncoat.cells.malignancy import Malignancy
from turncoat.cells.markers import MarkerSet, marker_set
from turncoat.cells.model import Annotator
from turncoat.cells.result import Annotation
from turncoat.cells.split import split_malignant
from turncoat.cells.stream import call_cells
from turncoat.errors import FileFormatError, OutputError, StudyError
from turncoat.files import whole_file
from turncoat.study import TallyPlan, plan_sources
from turncoat.study.labels import CellKeys
from turncoat.study.plan import PlanOptions

if TYPE_CHECKING:
    from turncoat.study import Study


def annotate_study(study: "Study") -> tuple[Annotation, Malignancy | None]:
    """Annotate the cells of a study.

    Parameters
    ----------
    study
        The study; its labels, where it has any, are kept beside ours.

    Returns
    -------
    Annotation, Malignancy or None
        What the cells are; None where copy number cannot be read.

    Raises
    ------
    TurncoatError
        When cells, labels, markers or model cannot be used.
    """
    plan = study_plan(study)
    markers = study_markers(study, plan)
    model = study_annotator(study, plan, markers, seed=study.seed)
    labels = study_labels(study, plan)
    calls = call_cells(plan, model)
    found = assemble(plan, markers, model, calls, labels=labels, seed=study.seed)
    return split_malignant(plan, found, seed=study.seed)


def study_plan(study: "Study") -> TallyPlan:
    """Plan a study's cells without populations: each row is a sample."""
    cells, about = study.cells, study.about
    options = PlanOptions(cells.gene_join, about.species, about.kind, about.synthetic)
    keys = CellKeys(cells.donor, cells.sample, cells.tissue, cells.condition, None, cells.keep)
    return plan_sources(study.sources(), keys, options, study.sheet(), study.cell_labels())


def study_markers(study: "Study", plan: TallyPlan) -> MarkerSet:
    """Give the markers of the study's species, the user's among them."""
    return marker_set(str(plan.meta["species"]), extra=study.annotation.markers)


def study_annotator(study: "Study", plan: TallyPlan, markers: MarkerSet, *, seed: int) -> Annotator:
    """Load the annotator that the study names, or learn one from a sample of its cells."""
    if study.annotation.annotator is not None:
        model = Annotator.load(study.annotation.annotator)
        check_fit(model, plan.genes.index, markers.species)
    else:
        model = learn_annotator(plan, markers, seed=seed)
    return look_for(plan, markers, model, study.annotation.seek)


def study_labels(study: "Study", plan: TallyPlan) -> list[pd.Series] | None:
    """Read the labels that the study brings, in our words; None where it brings none."""
    return user_labels(plan, study.cells.population, dict(study.cells.label_map))


def write_labels(found: Annotation, path: str | Path) -> Path:
    """Write one row a cell as parquet, whole or not at all.

    Parameters
    ----------
    found
        The annotation.
    path
        Where to; ends in ``.parquet``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    target = Path(path)
    with whole_file(target) as unfinished:
        found.cells.to_parquet(unfinished, index=False)
    return target


def write_into_h5ad(found: Annotation, source: str | Path, path: str | Path) -> Path:
    """Write a copy of an h5ad file with the labels in ``obs``; the matrix is not read.

    Parameters
    ----------
    found
        The annotation.
    source
        The file that was annotated; it is left as it is.
    path
        The copy.

    Returns
    -------
    pathlib.Path
        The copy.

    Raises
    ------
    OutputError
        When it cannot be written, or is the source itself.
    FileFormatError
        When the source is no h5ad file of today's kind.
    StudyError
        When two files of the study have the same name and share barcodes.
    """
    import h5py
    from anndata.io import write_elem

    source, target = Path(source), Path(path)
    if target.exists() and target.samefile(source):
        raise OutputError(f"{target} is the file of the cells itself: name another for the copy.")
    mine = found.cells[found.cells["file"] == source.name].set_index("barcode")
    if mine.index.has_duplicates:
        raise StudyError(
            f"Two files are called {source.name}, and a barcode is in both: rename one of them."
        )
    with whole_file(target) as unfinished:
        shutil.copyfile(source, unfinished)
        with h5py.File(unfinished, "r+") as file:
            obs = _obs_of(file, source)
            barcodes = obs[obs.attrs["_index"]].asstr()[:]
            added = _columns(mine.reindex(barcodes))
            for name, values in added.items():
                write_elem(obs, name, values)
            known = [name for name in obs.attrs["column-order"] if name not in added]
            obs.attrs["column-order"] = np.array([*known, *added], dtype=h5py.string_dtype())
    return target


def _obs_of(file: Any, source: Path) -> Any:
    obs = file.get("obs")
    if obs is None or "_index" not in obs.attrs or obs[obs.attrs["_index"]].dtype.kind not in "OS":
        raise FileFormatError(
            f"{source} is no h5ad file that labels can be written into: open it with anndata and "
            "save it again."
        )
    return obs


def _columns(cells: pd.DataFrame) -> dict[str, Any]:
    names = ("population", "state", "lineage", "guess")
    added: dict[str, Any] = {
        f"turncoat_{name}": pd.Categorical(cells[name].to_numpy()) for name in names
    }
    return added | {"turncoat_confidence": cells["confidence"].to_numpy()}
