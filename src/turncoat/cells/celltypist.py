"""Models of CellTypist, read without running anything that they hold.

CellTypist keeps its models as pickles, and a pickle runs code when it is read. They are therefore
taken as arrays that their owner exported with CellTypist itself.
"""

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from turncoat.cells.lineage import lineages_of
from turncoat.cells.markers import marker_set
from turncoat.cells.model import Annotator
from turncoat.errors import ArgumentError, FileFormatError, MissingFileError
from turncoat.knowledge.vocabulary import match_labels
from turncoat.tables import FloatArray

#: What the export holds: arrays by name.
ARRAYS: Final = ("coef", "intercept", "classes", "features", "mean", "scale")
#: CellTypist counts no gene for more standard deviations, and calls a type from this probability on.
MOST_DEVIATIONS, LEAST_PROBABILITY = 10.0, 0.5
EXPORT: Final = (
    "import celltypist, numpy as np; m = celltypist.models.Model.load('MODEL.pkl'); "
    "np.savez('MODEL.npz', coef=m.classifier.coef_, intercept=m.classifier.intercept_, "
    "classes=m.cell_types.astype(str), features=m.features.astype(str), "
    "mean=m.scaler.mean_, scale=m.scaler.scale_)"
)


def import_celltypist(
    path: str | Path, *, label_map: dict[str, str] | None = None, species: str = "human"
) -> Annotator:
    """Make an annotator of a CellTypist model that was exported as arrays.

    Parameters
    ----------
    path
        The export, an npz file; the message of a refusal shows the one line that writes it (with
        ``pip install 'turncoat[celltypist]'``, or wherever CellTypist is).
    label_map
        New names of the model's cell types; others keep theirs unless they are a population that
        we know.
    species
        ``human`` or ``mouse``.

    Returns
    -------
    Annotator
        Calls as CellTypist's best match does; its confidence is CellTypist's own probability of
        that type, and below one half (CellTypist's own line) a cell is left unassigned.

    Raises
    ------
    MissingFileError
        When there is no such file.
    FileFormatError
        When it is a pickle, or not such an export.

    References
    ----------
    Domínguez Conde et al. (2022), *Science* 376:eabl5197.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.pp.import_celltypist("Immune_All_Low.npz")  # doctest: +SKIP
    """
    stored = _read(Path(path))
    weights, bias = _two_sided(stored["coef"], stored["intercept"])
    classes = [str(name) for name in stored["classes"]]
    named = [(label_map or {}).get(name, name) for name in classes]
    table = match_labels(named).set_index("label")["population"]
    populations = [str(table[name]) or name for name in named]
    _check(weights, bias, stored, len(classes))
    lineages = lineages_of(populations, marker_set(species))
    return Annotator(
        genes=tuple(str(gene) for gene in stored["features"]),
        centre=stored["mean"].astype(np.float64),
        scale=stored["scale"].astype(np.float64),
        weights=weights,
        bias=bias,
        classes=tuple(classes),
        populations=tuple(populations),
        lineages=tuple(own or who for own, who in zip(lineages, populations, strict=True)),
        temperature=1.0,
        confidence=LEAST_PROBABILITY,
        ceiling=MOST_DEVIATIONS,
        link="logistic",
        about={"made_from": "CellTypist", "species": species, "n_genes": len(stored["features"])},
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError(f"The model {path} does not exist.")
    with path.open("rb") as stream:
        begin = stream.read(2)
    if begin != b"PK":
        raise FileFormatError(
            f"{path} is no npz file; a CellTypist model is a pickle, which runs code when it is "
            f'read, so turncoat does not. Export it where you trust it: python -c "{EXPORT}"'
        )
    try:
        with np.load(path, allow_pickle=False) as stored:
            absent = [name for name in ARRAYS if name not in stored]
            if absent:
                raise FileFormatError(
                    f"{path} lacks the arrays {', '.join(absent)}. Export the model again: "
                    f'python -c "{EXPORT}"'
                )
            return {name: stored[name] for name in ARRAYS}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise FileFormatError(
            f'{path} holds no plain arrays ({error}). Export the model again: python -c "{EXPORT}"'
        ) from error


def _two_sided(coef: FloatArray, intercept: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights by class; a model of two classes stores only those of the second."""
    weights, bias = np.asarray(coef, float).T, np.asarray(intercept, float).ravel()
    if weights.shape[1] == 1:
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.r_[-bias / 2, bias / 2]
    return np.ascontiguousarray(weights), bias


def _check(weights: FloatArray, bias: FloatArray, stored: dict[str, Any], n_classes: int) -> None:
    n_genes = len(stored["features"])
    sizes = (weights.shape == (n_genes, n_classes), bias.size == n_classes)
    if not all(sizes) or stored["mean"].size != n_genes or stored["scale"].size != n_genes:
        raise ArgumentError(
            f"The arrays do not fit together: {n_classes} classes, {n_genes} genes, weights of shape "
            f"{weights.shape[::-1]}. Export all of them from one model."
        )
