"""Copy number along the genome, read from expression: gains and losses shared by a tumour's cells.

Genes in genome order are compared with normal cells and averaged over windows. A malignant cell
is told by agreeing with the profile that the tumour cells of its donor share, not by the size of
its own wiggles: noise does not agree with anything (after Tirosh et al. 2016, Science 352:189).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.kernels import profile_cells
from turncoat.errors import CountsError
from turncoat.knowledge.registry import read_table
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Genes per window: about a chromosome arm's fifth; the choice of inferCNV.
WINDOW: Final = 101
#: A difference from the reference larger than this (log units) is a gene switched on or off.
MOST_DIFFERENCE: Final = 3.0
#: Mean log expression below which a gene says nothing about its copies.
LEAST_EXPRESSION: Final = 0.05
#: Fewer genes in order than this make no profile.
MIN_GENES: Final = 500
#: Families whose expression tells the kind of cell, not its copies.
FAMILIES: Final = ("HLA-", "IGH", "IGK", "IGL", "TRAC", "TRBC", "TRDC", "TRGC", "H2-", "Igh", "Igk")
#: Profiles are worked out at every gene of so many: neighbours so far apart share 96 % of
#: their window.
STEP: Final = 4
#: Places that are averaged into one column of a picture.
PLACES_PER_BIN: Final = 6
#: Rounds in which the cells that agree make the profile anew.
N_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Genome:
    """Columns of a matrix in the order of the genome.

    Parameters
    ----------
    columns
        Column numbers, shape ``(n_ordered,)``.
    chromosome
        Chromosome of each, same shape.
    arm
        Chromosome and arm of each, as ``1p``; the chromosome alone for mouse.
    """

    columns: IntArray
    chromosome: IntArray
    arm: "np.ndarray[tuple[int], np.dtype[np.object_]]"

    def keep(self, kept: BoolArray) -> "Genome":
        """Leave out some genes."""
        return Genome(self.columns[kept], self.chromosome[kept], self.arm[kept])

    def windows(self, size: int = WINDOW) -> tuple[IntArray, IntArray]:
        """First and last column (exclusive) of the window around each gene."""
        first = np.zeros(self.columns.size, dtype=np.int64)
        last = np.zeros(self.columns.size, dtype=np.int64)
        for chromosome in np.unique(self.chromosome):
            rows = np.flatnonzero(self.chromosome == chromosome)
            start, stop = rows[0], rows[-1] + 1
            first[rows] = np.maximum(rows - size // 2, start)
            last[rows] = np.minimum(rows + size - size // 2, stop)
        return first, last


def order_genes(genes: pd.Index, species: str) -> Genome:
    """Find the genes of a panel along the genome.

    Raises
    ------
    CountsError
        When fewer than :data:`MIN_GENES` have a known position.
    """
    table = read_table("gene_positions")
    table = table[table["species"] == species]
    table = table[~table["gene"].str.startswith(FAMILIES)]
    at = genes.get_indexer(pd.Index(table["gene"]))
    found = at >= 0
    if found.sum() < MIN_GENES:
        raise CountsError(
            f"Copy number needs at least {MIN_GENES} genes with a position on the {species} "
            f"genome; {int(found.sum())} of {len(genes)} have one. Use the whole transcriptome."
        )
    placed = table[found]
    arm = placed["chromosome"].astype(str) + placed["arm"].astype(str)
    return Genome(at[found], placed["chromosome"].to_numpy(), arm.to_numpy(dtype=object))


@dataclass(frozen=True, slots=True)
class Baseline:
    """What normal cells express: the range over kinds of normal cells, per ordered gene."""

    genome: Genome
    low: FloatArray
    high: FloatArray

    @property
    def places(self) -> Genome:
        """Where profiles have a value: every :data:`STEP`-th gene, as windows overlap so far."""
        return self.genome.keep(np.arange(self.genome.columns.size) % STEP == 0)

    @property
    def n_places(self) -> int:
        """Number of places."""
        return -(-self.genome.columns.size // STEP)

    def profile(self, logged: sp.csr_matrix) -> FloatArray:
        """Smoothed difference of each cell from the normal range, shape ``(n_cells, n_places)``.

        In float32: thousands of cells of thousands of genes.
        """
        windows = np.stack([edges[::STEP] for edges in self.genome.windows()], axis=1)
        cuts, spans = np.unique(windows, return_inverse=True)
        place = np.searchsorted(cuts, np.arange(self.genome.columns.size), side="right")
        silent = np.maximum(-self.high, 0.0) + np.minimum(-self.low, 0.0)
        silent = np.clip(silent, -MOST_DIFFERENCE, MOST_DIFFERENCE)
        sums = np.zeros((2, cuts.size + 1))
        sums[0] = np.bincount(place, weights=silent, minlength=cuts.size + 1)
        limits = np.tile([-np.inf, np.inf, 0.0], (logged.shape[1], 1))
        limits[self.genome.columns] = np.stack([self.low, self.high, silent], axis=1)
        stretch = np.full(logged.shape[1], cuts.size, dtype=np.int32)
        stretch[self.genome.columns] = place
        profiles = np.empty((logged.shape[0], self.n_places), dtype=np.float32)
        profile_cells(
            np.ascontiguousarray(logged.data, dtype=np.float32),
            np.ascontiguousarray(logged.indices, dtype=np.int32),
            np.ascontiguousarray(logged.indptr, dtype=np.int64),
            limits,
            stretch,
            MOST_DIFFERENCE,
            spans.reshape(windows.shape),
            1.0 / (windows[:, 1] - windows[:, 0]),
            sums,
            profiles,
        )
        # The median of each cell, by sorting: NumPy's own takes four times as long.
        ordered = np.sort(profiles, axis=1)
        half = self.n_places // 2
        profiles -= ordered[:, [half, -1 - half]].mean(axis=1, keepdims=True)
        return profiles


def make_baseline(logged: sp.csr_matrix, groups: IntArray, genome: Genome) -> Baseline:
    """Describe normal cells of several kinds.

    Parameters
    ----------
    logged
        Log-normalised expression of the normal cells, shape ``(n_cells, n_genes)``.
    groups
        Kind of each cell, shape ``(n_cells,)``. A gene is only called different where it is
        outside the range of the kinds.
    genome
        Genes in order.
    """
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shape = (names.size, codes.size)
    member = sp.csr_matrix((1 / sizes[codes], (codes, np.arange(codes.size))), shape)
    means = (member @ logged.astype(np.float64))[:, genome.columns].toarray()
    kept = means.max(axis=0) > LEAST_EXPRESSION
    return Baseline(genome.keep(kept), means[:, kept].min(axis=0), means[:, kept].max(axis=0))


def agreement(
    profiles: FloatArray, shared: FloatArray, *, lengths: FloatArray | None = None
) -> FloatArray:
    """Correlation of each profile with a shared one, shape ``(n_cells,)``.

    Parameters
    ----------
    profiles
        Shape ``(n_cells, n_places)``.
    shared
        Shape ``(n_places,)``.
    lengths
        What :func:`lengths_of` gives, where it is known.
    """
    theirs = (shared - shared.mean()).astype(profiles.dtype)
    own = lengths_of(profiles, _squares(profiles)) if lengths is None else lengths
    # The shared profile is centred, so that the other need not be: no copy of many cells.
    size = own * np.linalg.norm(theirs)
    together = (profiles @ theirs).astype(float)
    correlation: FloatArray = np.where(size > 0, together / np.where(size > 0, size, 1), 0.0)
    return correlation


def lengths_of(profiles: FloatArray, squares: FloatArray) -> FloatArray:
    """Length of each profile once it is centred, from its sum of squares; shape ``(n_cells,)``."""
    within = squares - profiles.shape[1] * profiles.mean(axis=1, dtype=float) ** 2
    length: FloatArray = np.sqrt(np.maximum(within, 0))
    return length


def _squares(profiles: FloatArray) -> FloatArray:
    """Sum of squares of each row, without a copy of all."""
    squares: FloatArray = np.einsum("ij,ij->i", profiles, profiles).astype(float)
    return squares


def _mean_of(profiles: FloatArray, chosen: BoolArray) -> FloatArray:
    """Mean of some profiles, without a copy of them."""
    mean: FloatArray = chosen.astype(profiles.dtype) @ profiles / chosen.sum()
    return mean


def shared_profile(candidates: FloatArray) -> FloatArray:
    """Profile that candidate tumour cells share: those that agree make it, round by round."""
    strength = _squares(candidates)
    lengths = lengths_of(candidates, strength)
    chosen = strength >= np.quantile(strength, 2 / 3)
    shared = _mean_of(candidates, chosen)
    for _ in range(N_ROUNDS):
        similar = agreement(candidates, shared, lengths=lengths)
        chosen = similar >= max(float(np.median(similar)), 0.0)
        if not chosen.any():
            break
        shared = _mean_of(candidates, chosen)
    return shared


def by_arm(shared: FloatArray, baseline: Baseline) -> list[tuple[str, int, float]]:
    """Give each chromosome arm, its number of genes, and its mean shift (log units)."""
    arms, n_genes = np.unique(baseline.genome.arm.astype(str), return_counts=True)
    place = np.searchsorted(arms, baseline.places.arm.astype(str))
    n_places = np.bincount(place, minlength=arms.size)
    shift = np.bincount(place, weights=shared, minlength=arms.size) / np.maximum(n_places, 1)
    order = [arm for arm in dict.fromkeys(place.tolist()) if n_places[arm]]
    return [(str(arms[k]), int(n_genes[k]), float(shift[k])) for k in order]


def binned(profiles: FloatArray, genome: Genome) -> tuple[FloatArray, pd.DataFrame]:
    """Average profiles over bins of genes within each chromosome, to be looked at.

    Returns
    -------
    FloatArray, pandas.DataFrame
        Shape ``(n_cells, n_bins)``; and of each bin its chromosome and number of genes.
    """
    means, rows = [], []
    for chromosome in dict.fromkeys(genome.chromosome):
        columns = np.flatnonzero(genome.chromosome == chromosome)
        for part in np.array_split(columns, max(1, round(columns.size / PLACES_PER_BIN))):
            means.append(profiles[:, part].mean(axis=1))
            rows.append({"chromosome": str(chromosome), "n_genes": part.size * STEP})
    return np.stack(means, axis=1).astype(np.float32), pd.DataFrame(rows)
