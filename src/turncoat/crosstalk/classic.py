"""The classic table of one data set: cell-level scores and the label-permutation null.

Donors play no part in it: its null asks whether a pair of populations differs from cells drawn at
random, which most pairs do. It is here for comparison with other tools, never for a contrast.
"""

from dataclasses import dataclass
from typing import Any, Final

import anndata as ad
import numpy as np
import pandas as pd
from scipy.special import ndtr

from turncoat.crosstalk.pairs import Complexes, find_pairs
from turncoat.errors import ArgumentError, MissingKeyError
from turncoat.stats.laws import never_zero
from turncoat.tables import FloatArray, IntArray
from turncoat.tally import layout
from turncoat.tally.arms import tally_meta
from turncoat.tally.counts import not_negative

#: Share of cells that must express every subunit; the default of LIANA and CellPhoneDB.
MIN_DETECTION: Final = 0.1


def classic_edges(
    tally: ad.AnnData,
    *,
    pairs: pd.DataFrame | None = None,
    min_detection: float = MIN_DETECTION,
    min_cells: int = 5,
) -> pd.DataFrame:
    """Score every edge as the cell-level tools do, all samples pooled.

    Parameters
    ----------
    tally
        A tally; its rows are added up over samples.
    pairs
        Own ligand-receptor pairs; the bundled table by default.
    min_detection
        Share of cells that must express every subunit of both sides.
    min_cells
        Cells that a population must have.

    Returns
    -------
    DataFrame
        sender, ligand, receiver, receptor, then ``lr_means`` (CellPhoneDB), ``lr_gmeans``,
        ``expr_prod`` (Connectome, NATMI), ``spec_weight`` (NATMI), ``lrscore``
        (SingleCellSignalR) and ``label_pvalue``: one-sided, of ``lr_means`` under random labels
        of cells.

    Raises
    ------
    ArgumentError
        When ``min_detection`` is not within [0, 1).
    MissingKeyError
        When the tally lacks the sums of logarithms.
    KnowledgeError
        When pairs and tally share no gene.
    CountsError
        When a layer holds negative or missing values.

    Notes
    -----
    Under random labels the mean of a population has the mean of all cells and the variance of
    drawing without replacement; the sum of two such means is taken as normal, the weakest
    subunits held fixed, the two sides independent. The mean of the whole matrix in ``lrscore`` is
    over genes with any count, as in SingleCellSignalR and LIANA: genes that a file lists and no
    cell shows change no score. Populations below ``min_cells`` enter nothing. **This p-value does not test donors.** On real data it calls most edges significant.

    References
    ----------
    Efremova et al. (2020), *Nature Protocols* 15:1484; Dimitrov et al. (2022), *Nature
    Communications* 13:3224; Cochran (1977), *Sampling Techniques*, section 2.6.

    Examples
    --------
    >>> import turncoat as tc
    >>> table = classic_edges(tally)  # doctest: +SKIP
    """
    if not 0 <= min_detection < 1:
        raise ArgumentError(f"'min_detection' should lie within [0, 1); got {min_detection!r}.")
    for layer in (layout.LOGSUM, layout.LOGSUMSQ, layout.DETECTED):
        if layer not in tally.layers:
            raise MissingKeyError(f"The tally has no layer '{layer}', which scores of cells need.")
    genes = [str(gene) for gene in tally.var_names]
    found = find_pairs(genes, str(tally_meta(tally, "species")) or "human", pairs)
    moments = _moments(tally, min_cells)
    sides = [_side(moments, each) for each in (found.ligands, found.receptors)]
    ok = [side.share >= min_detection for side in sides]
    sender, receiver, pair = np.nonzero(
        ok[0][:, np.newaxis, found.ligand] & ok[1][np.newaxis, :, found.receptor]
    )
    ligand = sides[0].at(sender, found.ligand[pair])
    receptor = sides[1].at(receiver, found.receptor[pair])
    root = np.sqrt(ligand.mean * receptor.mean)
    deviate = (ligand.mean + receptor.mean - ligand.expected - receptor.expected) / np.sqrt(
        np.maximum(ligand.variance + receptor.variance, 1e-300)
    )
    return pd.DataFrame(
        {
            "sender": moments.names[sender],
            "ligand": found.table["ligand"].to_numpy()[pair],
            "receiver": moments.names[receiver],
            "receptor": found.table["receptor"].to_numpy()[pair],
            "lr_means": (ligand.mean + receptor.mean) / 2,
            "lr_gmeans": root,
            "expr_prod": ligand.mean * receptor.mean,
            "spec_weight": ligand.mean / ligand.total * receptor.mean / receptor.total,
            "lrscore": root / (root + moments.matrix_mean),
            "label_pvalue": never_zero(ndtr(-deviate)),
        }
    )


@dataclass(frozen=True, slots=True)
class _Moments:
    """Means over cells: of each population, and of all cells together."""

    names: "np.ndarray[Any, Any]"
    n_cells: FloatArray
    mean: FloatArray
    share: FloatArray
    overall: FloatArray
    spread: FloatArray
    matrix_mean: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One side of some edges: the weakest subunit's mean, and its null."""

    mean: FloatArray
    total: FloatArray
    expected: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True)
class _Side:
    """Ligands or receptors of all populations, by their weakest subunit."""

    moments: _Moments
    gene: IntArray
    share: FloatArray

    def at(self, population: IntArray, number: IntArray) -> _Chosen:
        """Look up some complexes in some populations."""
        gene, moments = self.gene[population, number], self.moments
        n_all = moments.n_cells.sum()
        drawn = moments.n_cells[population]
        # Drawing without replacement: the finite-population correction (Cochran 1977).
        variance = moments.spread[gene] / drawn * (n_all - drawn) / max(n_all - 1, 1)
        total = moments.mean[:, gene].sum(axis=0)
        return _Chosen(moments.mean[population, gene], total, moments.overall[gene], variance)


def _side(moments: _Moments, complexes: Complexes) -> _Side:
    values = moments.mean[:, complexes.genes]
    weakest = complexes.weakest(moments.mean)
    size = np.diff(np.append(complexes.starts, complexes.genes.size))
    is_weakest = values <= np.repeat(weakest, size, axis=1)
    # The first of the weakest subunits: its place is the smallest among those marked.
    place = np.where(is_weakest, np.arange(values.shape[1]), values.shape[1])
    first = np.minimum.reduceat(place, complexes.starts, axis=1)
    return _Side(moments, complexes.genes[first], complexes.weakest(moments.share))


def _moments(tally: ad.AnnData, min_cells: int) -> _Moments:
    codes, names = pd.factorize(tally.obs[layout.POPULATION].astype(str), sort=True)
    member = (codes[np.newaxis, :] == np.arange(len(names))[:, np.newaxis]).astype(float)
    n_cells = member @ tally.obs[layout.N_CELLS].to_numpy(dtype=float)
    layers = (layout.LOGSUM, layout.LOGSUMSQ, layout.DETECTED)
    logs, squares, seen = (
        not_negative(np.asarray(member @ tally.layers[name]), name) for name in layers
    )
    kept = n_cells >= max(min_cells, 1)
    # Populations too small to be looked at are no part of what the others are compared with.
    n_cells, logs, squares, seen = (each[kept] for each in (n_cells, logs, squares, seen))
    total = max(n_cells.sum(), 1)
    overall = logs.sum(axis=0) / total
    cells = n_cells[:, np.newaxis]
    return _Moments(
        names=np.asarray(names, dtype=object)[kept],
        n_cells=n_cells,
        mean=logs / cells,
        share=seen / cells,
        overall=overall,
        spread=np.maximum(squares.sum(axis=0) / total - overall**2, 0.0),
        matrix_mean=float(overall.sum() / max((seen.sum(axis=0) > 0).sum(), 1)),
    )
