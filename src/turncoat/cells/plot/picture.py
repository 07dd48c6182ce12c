"""A picture of the cells side by side: UMAP, an extra, to look at and never to measure on."""

from typing import TYPE_CHECKING, Final, Literal

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from matplotlib.axes import Axes

from turncoat.cells.axes import project
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.errors import ArgumentError, CountsError, did_you_mean, require

if TYPE_CHECKING:
    import anndata as ad

    from turncoat.tables import FloatArray, IntArray

#: More cells than this are drawn as a sample: dots would hide each other.
MOST_CELLS: Final = 20_000
#: Fewer make no picture.
FEWEST_CELLS: Final = 30
#: Names that are written into the picture: of groups with at least this share of the cells.
NAMED: Final = 0.005
#: Colours at hand.
N_COLOURS: Final = 18
#: Groups that are named at most; with more, colours repeat and no legend is drawn.
MOST_NAMES: Final = 40
#: A name keeps this share of the picture's width and height to itself.
ROOM: Final = np.array([0.09, 0.025])
COLOURS = ("population", "lineage", "state", "sample", "label")


def umap(
    result: Annotation,
    adata: "ad.AnnData",
    *,
    colour: Literal["population", "lineage", "state", "sample", "label"] = "population",
    layer: str | None = None,
    n_neighbours: int = 15,
    max_cells: int = MOST_CELLS,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cells as a UMAP, unassigned ones in grey: a picture, no measurement.

    Distances between groups, their sizes and their shapes mean little in such a picture, and no
    finding of turncoat rests on it. Needs ``pip install 'turncoat[umap]'``.

    Parameters
    ----------
    result
        What :func:`turncoat.pp.annotate` found.
    adata
        The cells that were annotated, in the same order.
    colour
        Column of ``result.cells`` that colours them.
    layer
        Layer with raw counts; None for ``X``.
    n_neighbours
        Neighbours of a cell that it is drawn near to.
    max_cells
        More are drawn as a random sample.
    seed
        For the sample and the layout.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Raises
    ------
    MissingExtraError
        When umap-learn is not installed.
    ArgumentError
        When the annotation is of other cells, or there is no such column.
    CountsError
        With fewer than thirty cells.

    References
    ----------
    McInnes, Healy and Melville (2018), arXiv:1802.03426.

    Examples
    --------
    >>> turncoat.pl.umap(result, adata)  # doctest: +SKIP
    """
    _check(result, adata, colour)
    rows = _drawn(len(result.cells), max_cells, seed)
    counts = sp.csr_matrix(adata.X if layer is None else adata.layers[layer])[rows]
    placed = _layout(counts, n_neighbours, seed)
    names = result.cells[colour].to_numpy(dtype=object)[rows]
    names[names == ""] = UNASSIGNED
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    _dots(placed, names, ax)
    shown = f"{rows.size:,}" + (
        f" of {len(result.cells):,}" if rows.size < len(result.cells) else ""
    )
    repeated = " (colours repeat)" if len(set(names)) > N_COLOURS else ""
    ax.set_title(f"{shown} cells by {colour}{repeated}", fontsize=9)
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    return ax


def _check(result: Annotation, adata: "ad.AnnData", colour: str) -> None:
    if colour not in COLOURS:
        raise ArgumentError(f"'colour' is '{colour}'. {did_you_mean(colour, COLOURS)}")
    if list(result.cells["barcode"]) != [str(name) for name in adata.obs_names]:
        raise ArgumentError(
            "'result' is of other cells than 'adata', or in another order: annotate this AnnData."
        )
    if adata.n_obs < FEWEST_CELLS:
        raise CountsError(
            f"A picture of neighbours needs at least {FEWEST_CELLS} cells; there are {adata.n_obs}."
        )


def _drawn(n_cells: int, most: int, seed: int) -> "IntArray":
    if n_cells <= most:
        return np.arange(n_cells)
    return np.sort(np.random.default_rng(seed).permutation(n_cells)[:most])


def _layout(counts: sp.csr_matrix, n_neighbours: int, seed: int) -> "FloatArray":
    package = require("umap", extra="umap", purpose="draw a UMAP")
    (axes,) = project(counts, (counts,), seed=seed)
    near = min(n_neighbours, counts.shape[0] - 1)
    # One thread: several would make another picture every time.
    layout = package.UMAP(n_neighbors=near, random_state=seed, n_jobs=1)
    placed: FloatArray = np.asarray(layout.fit_transform(axes), dtype=np.float64)
    return placed


def _dots(
    placed: "FloatArray", names: "np.ndarray[tuple[int], np.dtype[np.object_]]", ax: Axes
) -> None:
    size = float(np.clip(12_000 / names.size, 1.0, 12.0))
    groups, sizes = np.unique(names.astype(str), return_counts=True)
    # Without the two greys: grey is for cells left unassigned.
    hues = np.delete(np.arange(20), [14, 15])
    colours = plt.get_cmap("tab20")(hues[np.arange(groups.size) % N_COLOURS])
    written: list[FloatArray] = []
    for k in np.argsort(-sizes):
        mine = placed[names == groups[k]]
        unsure = groups[k] == UNASSIGNED
        ax.scatter(
            mine[:, 0], mine[:, 1], s=size, color="0.8" if unsure else colours[k], linewidths=0,
            zorder=1 if unsure else 2, label=f"{groups[k]} ({sizes[k]:,})", rasterized=True,
        )  # fmt: skip
        if not unsure and sizes[k] >= NAMED * names.size and groups.size <= MOST_NAMES:
            _write(str(groups[k]), mine, np.ptp(placed, axis=0), written, ax)
    if groups.size <= MOST_NAMES:
        legend = ax.legend(bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=6.5, frameon=False)
        for handle in legend.legend_handles:
            handle.set_sizes([18.0])  # type: ignore[union-attr]


def _write(
    name: str, mine: "FloatArray", span: "FloatArray", written: "list[FloatArray]", ax: Axes
) -> None:
    """Write a name beside the middle cell of its group, unless another one is there."""
    # The cell nearest to the median: the median of two islands lies between them.
    middle = mine[np.linalg.norm((mine - np.median(mine, axis=0)) / span, axis=1).argmin()]
    if any((np.abs(middle - other) < span * ROOM).all() for other in written):
        return
    written.append(middle)
    ax.annotate(
        name, middle, xytext=(0, 5), textcoords="offset points", fontsize=7, ha="center", zorder=3,
        bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6},
    )  # fmt: skip
