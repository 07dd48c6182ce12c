"""Annotating a study as its file says: populations, states, malignant or not."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from turncoat.cells.annotate import annotate_plan, user_labels
from turncoat.cells.malignancy import Malignancy
from turncoat.cells.model import Annotator
from turncoat.cells.result import Annotation
from turncoat.cells.split import split_malignant
from turncoat.files import whole_file
from turncoat.study import plan_sources
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
    cells = study.cells
    options = PlanOptions(cells.gene_join, study.about.species, study.about.kind, "")
    keys = CellKeys(cells.donor, cells.sample, cells.tissue, cells.condition, None)
    plan = plan_sources(study.sources(), keys, options, study.sheet(), study.cell_labels())
    labels = user_labels(plan, cells.population, dict(cells.label_map))
    given = study.annotation
    model = None if given.annotator is None else Annotator.load(given.annotator)
    found = annotate_plan(
        plan, markers=given.markers, annotator=model, labels=labels, seed=study.seed
    )
    return split_malignant(plan, found, seed=study.seed)


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
    """Write a copy of an h5ad file with the labels in ``obs``.

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
        When it cannot be written.
    """
    import anndata as ad

    cells = ad.read_h5ad(source)
    name = Path(source).name
    mine = found.cells[found.cells["file"] == name].set_index("barcode")
    mine = mine.reindex(cells.obs_names.astype(str))
    for column in ("population", "state", "lineage", "guess"):
        cells.obs[f"turncoat_{column}"] = pd.Categorical(mine[column].to_numpy())
    cells.obs["turncoat_confidence"] = mine["confidence"].to_numpy()
    target = Path(path)
    with whole_file(target) as unfinished:
        cells.write_h5ad(unfinished)
    return target
