"""What each population of the single-cell study expresses: the yardstick for bulk scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.errors import MissingKeyError, StudyError, did_you_mean
from turncoat.tables import BoolArray, FloatArray

#: Expression is counted per million of the population's counts.
PER: Final = 1e6
#: Added to both sides of a ratio, in counts per million: about one molecule in a pool of 200,000
#: counts, so that a gene seen once is no marker.
PSEUDO: Final = 5.0
#: A donor's own profile of a population counts where it has at least this many cells.
MIN_CELLS: Final = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """Counts per donor and population, with what follows from them.

    Parameters
    ----------
    genes
        Gene symbols, one per column.
    population, donor
        Of each row.
    n_cells
        Cells of each row.
    counts
        Summed counts, shape ``(n_rows, n_genes)``.
    detected
        Cells with at least one count, same shape.
    """

    genes: tuple[str, ...]
    population: tuple[str, ...]
    donor: tuple[str, ...]
    n_cells: FloatArray
    counts: FloatArray
    detected: FloatArray

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations, sorted."""
        return tuple(sorted(set(self.population)))

    @property
    def donors(self) -> tuple[str, ...]:
        """Names of the donors, sorted."""
        return tuple(sorted(set(self.donor)))

    def rows_of(self, population: str) -> BoolArray:
        """Find the rows of one population."""
        rows = np.array([name == population for name in self.population])
        if not rows.any():
            raise MissingKeyError(
                f"The tally has no population '{population}'. "
                f"{did_you_mean(population, self.populations)}"
            )
        return rows

    def without(self, donors: Sequence[str]) -> "Reference":
        """Leave out some donors."""
        return self._take(np.array([name not in set(donors) for name in self.donor]))

    def only(self, donors: Sequence[str]) -> "Reference":
        """Keep only some donors."""
        return self._take(np.array([name in set(donors) for name in self.donor]))

    def restricted_to(self, populations: Sequence[str]) -> "Reference":
        """Keep only some populations."""
        return self._take(np.array([name in set(populations) for name in self.population]))

    def _take(self, rows: BoolArray) -> "Reference":
        at = np.flatnonzero(rows)
        return Reference(
            self.genes,
            tuple(self.population[row] for row in at),
            tuple(self.donor[row] for row in at),
            self.n_cells[at],
            self.counts[at],
            self.detected[at],
        )

    def profiles(self) -> FloatArray:
        """Pool donors: counts per million of each population, shape (populations, genes)."""
        pooled = np.stack(
            [self.counts[self.rows_of(name)].sum(axis=0) for name in self.populations]
        )
        depth = pooled.sum(axis=1, keepdims=True)
        return np.asarray(pooled / np.where(depth > 0, depth, 1.0) * PER)

    def donor_profiles(self, population: str) -> FloatArray:
        """Give one population's counts per million in each donor with enough cells of it."""
        rows = self.rows_of(population) & (self.n_cells >= MIN_CELLS)
        depth = self.counts[rows].sum(axis=1, keepdims=True)
        return np.asarray(self.counts[rows] / np.where(depth > 0, depth, 1.0) * PER)

    def detected_share(self, population: str) -> FloatArray:
        """Share of a population's cells in which each gene was seen."""
        rows = self.rows_of(population)
        return np.asarray(self.detected[rows].sum(axis=0) / self.n_cells[rows].sum())


def reference_of(
    genes: Sequence[str],
    population: Sequence[str],
    donor: Sequence[str],
    n_cells: FloatArray,
    counts: FloatArray,
    detected: FloatArray,
) -> Reference:
    """Sum a tally's rows (sample × population) to donor × population.

    Parameters
    ----------
    genes
        Gene symbols.
    population, donor, n_cells
        Of each row of the tally.
    counts, detected
        Layers of the tally.

    Returns
    -------
    Reference
        The sums.

    Raises
    ------
    StudyError
        With fewer than two populations: nothing could be specific.
    """
    keys = sorted(set(zip(population, donor, strict=True)))
    code = {key: row for row, key in enumerate(keys)}
    at = np.array([code[key] for key in zip(population, donor, strict=True)], dtype=np.int64)
    if len({name for name, _ in keys}) < 2:
        raise StudyError(
            "A bulk score needs at least two populations in the tally: with one, nothing can be "
            "specific to it."
        )

    def summed(values: FloatArray) -> FloatArray:
        sums = np.zeros((len(keys), *values.shape[1:]))
        np.add.at(sums, at, values)
        return sums

    return Reference(
        tuple(genes),
        tuple(name for name, _ in keys),
        tuple(name for _, name in keys),
        summed(np.asarray(n_cells, dtype=float)),
        summed(np.asarray(counts, dtype=float)),
        summed(np.asarray(detected, dtype=float)),
    )
