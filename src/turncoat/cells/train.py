"""Training an annotator on a user's own labelled cells."""

from typing import TYPE_CHECKING

import numpy as np

from turncoat.cells.model import Annotator
from turncoat.cells.reference import train_linear
from turncoat.cells.sample import Class
from turncoat.errors import MissingKeyError, StudyError, did_you_mean

if TYPE_CHECKING:
    import anndata as ad

#: A label with fewer cells teaches nothing that would hold in another study.
MIN_CELLS = 10


def train_annotator(
    adata: "ad.AnnData", *, label_key: str, layer: str | None = None, seed: int = 0
) -> Annotator:
    """Learn to annotate from labelled cells.

    Parameters
    ----------
    adata
        Cells with raw counts; ``var_names`` are symbols.
    label_key
        Column of ``obs`` with the labels; each becomes a population.
    layer
        Layer with raw counts; None for ``X``.
    seed
        For drawing and thinning examples.

    Returns
    -------
    Annotator
        To be given to :func:`turncoat.pp.annotate`, or saved with ``save("model.npz")``.

    Raises
    ------
    MissingKeyError
        When there is no such column or layer.
    StudyError
        When fewer than two labels have ten cells.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=100, n_genes=700)
    >>> model = train_annotator(cells, label_key="population")
    >>> "B" in model.populations
    True
    """
    if label_key not in adata.obs:
        raise MissingKeyError(
            f"adata.obs has no column '{label_key}'. {did_you_mean(label_key, adata.obs.columns)}"
        )
    if layer is not None and layer not in adata.layers:
        raise MissingKeyError(
            f"adata has no layer '{layer}'. {did_you_mean(layer, filter(None, adata.layers))}"
        )
    labels = adata.obs[label_key].astype(str).to_numpy()
    names, sizes = np.unique(labels, return_counts=True)
    kept = [str(name) for name in names[sizes >= MIN_CELLS]]
    if len(kept) < 2:
        raise StudyError(
            f"Training needs at least two labels with {MIN_CELLS} cells; '{label_key}' has "
            f"{len(kept)} of {names.size}."
        )
    rows = np.isin(labels, kept)
    counts = adata.X if layer is None else adata.layers[layer]
    codes = np.searchsorted(kept, labels[rows])
    classes = [Class(name, name, name) for name in kept]
    return train_linear(
        counts[rows],
        list(map(str, adata.var_names)),
        classes,
        codes,
        seed=seed,
        about={"label_key": label_key},
    )
