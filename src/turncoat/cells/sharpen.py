"""Calls sharpened by neighbours: what a cell's like are agreed on, and what they contradict."""

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.accounts import summarise_samples
from turncoat.cells.axes import project
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.tables import BoolArray, IntArray

if TYPE_CHECKING:
    import anndata as ad

#: A cell is called where this share of its neighbours is of one population, its own best guess …
AGREED: Final = 0.8
#: … and a call is dropped where so few are of its population.
CONTRADICTED: Final = 0.1
#: Fewer cells of a sample than this have no neighbourhoods.
MIN_CELLS: Final = 50
MALIGNANT: Final = "Malignant"


def sharpen(
    adata: "ad.AnnData",
    annotation: Annotation,
    *,
    sample_key: str,
    n_neighbours: int = 15,
    layer: str | None = None,
    seed: int = 0,
) -> Annotation:
    """Call the unassigned cells whose neighbours agree, and drop calls that theirs contradict.

    An unassigned cell is called its best guess where four in five of its neighbours are called so;
    a called cell is left unassigned where not one in ten is of its population. No cell gets a
    name that it was not itself likeliest to have, so a rare state among many others is not
    swallowed: at worst it is left unassigned. Malignant cells are left as they are.

    Parameters
    ----------
    adata
        The cells that were annotated, in the same order.
    annotation
        What :func:`turncoat.pp.annotate` found.
    sample_key
        Column of ``obs``; neighbours are of the same sample.
    n_neighbours
        Neighbours of a cell, on the main axes of variation of its sample.
    layer
        Layer with raw counts; None for ``X``.
    seed
        For the axes.

    Returns
    -------
    Annotation
        With ``population`` and ``samples`` changed; ``params["sharpened"]`` says how many cells.

    Raises
    ------
    MissingKeyError
        When the column is not there.
    ArgumentError
        When the annotation is of other cells.

    Examples
    --------
    >>> import turncoat as tc
    >>> found = tc.pp.annotate(adata, sample_key="sample")  # doctest: +SKIP
    >>> tc.pp.sharpen(adata, found, sample_key="sample")  # doctest: +SKIP
    """
    if sample_key not in adata.obs:
        raise MissingKeyError(
            f"adata.obs has no column '{sample_key}'. {did_you_mean(sample_key, adata.obs.columns)}"
        )
    cells = annotation.cells.copy()
    if list(cells["barcode"]) != [str(name) for name in adata.obs_names]:
        raise ArgumentError(
            "'annotation' is of other cells than 'adata', or in another order: annotate this AnnData."
        )
    counts = sp.csr_matrix(adata.X if layer is None else adata.layers[layer])
    samples = adata.obs[sample_key].astype(str).to_numpy()
    population = cells["population"].to_numpy(dtype=object)
    guess = cells["guess"].to_numpy(dtype=object)
    after = population.copy()
    for sample in np.unique(samples):
        mine = np.flatnonzero(samples == sample)
        if mine.size >= MIN_CELLS:
            near = _neighbours(counts[mine], n_neighbours, seed)
            after[mine] = _sharpened(population[mine], guess[mine], near)
    cells["population"] = after
    cells.loc[after == UNASSIGNED, "state"] = ""
    changed = {
        "called": int(((population == UNASSIGNED) & (after != UNASSIGNED)).sum()),
        "dropped": int(((population != UNASSIGNED) & (after == UNASSIGNED)).sum()),
    }
    return dataclasses.replace(
        annotation,
        cells=cells,
        samples=summarise_samples(cells),
        params={**annotation.params, "sharpened": changed},
    )


def _neighbours(counts: sp.csr_matrix, n_neighbours: int, seed: int) -> IntArray:
    from scipy.spatial import cKDTree

    (placed,) = project(counts, (counts,), seed=seed)
    near: IntArray = np.asarray(cKDTree(placed).query(placed, k=n_neighbours + 1)[1])[:, 1:]
    return near


def _sharpened(
    population: "np.ndarray[Any, Any]", guess: "np.ndarray[Any, Any]", near: IntArray
) -> "np.ndarray[Any, Any]":
    codes, names = pd.factorize(np.concatenate([population, guess]))
    own, likely = codes[: population.size], codes[population.size :]
    around = own[near]
    unsure: BoolArray = population == UNASSIGNED
    agree = (around == likely[:, np.newaxis]).mean(axis=1)
    alike = (around == own[:, np.newaxis]).mean(axis=1)
    after = population.copy()
    join = unsure & (agree >= AGREED)
    after[join] = np.asarray(names, dtype=object)[likely[join]]
    after[~unsure & (alike < CONTRADICTED) & (population != MALIGNANT)] = UNASSIGNED
    return after
