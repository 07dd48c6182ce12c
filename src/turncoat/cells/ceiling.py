"""Models that let no gene count for more than so many standard deviations, as CellTypist's do."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a linear score counts too much, where a gene is far above its mean.

    Parameters
    ----------
    features
        Lines of ``weights``: genes that can reach their ceiling, shape ``(n_capped,)``.
    highest
        Log count per ``target_sum`` at which each stops counting, same shape.
    weights
        Of all genes, per unit of log count, shape ``(n_features, n_classes)``.
    target_sum
        Counts per cell after normalisation.
    """

    features: IntArray
    highest: FloatArray
    weights: FloatArray
    target_sum: float

    @classmethod
    def of(
        cls,
        deviations: float,
        centre: FloatArray,
        scale: FloatArray,
        weights: FloatArray,
        target_sum: float,
    ) -> "Ceiling":
        """Find the genes that a cell could show more strongly than ``deviations`` allow."""
        highest = centre + deviations * scale
        features = np.flatnonzero(highest < np.log1p(target_sum))
        return cls(features, highest[features], weights, target_sum)

    def take_off(self, scores: FloatArray, counts: FloatArray, depth: FloatArray) -> None:
        """Take what is above the ceiling off the scores, in place.

        Parameters
        ----------
        scores
            Linear scores, shape ``(n_cells, n_classes)``.
        counts
            Counts of :attr:`features`, shape ``(n_cells, n_capped)``.
        depth
            Counts per cell over all genes, shape ``(n_cells,)``.
        """
        logged = np.log1p(counts * (self.target_sum / np.maximum(depth, 1.0))[:, np.newaxis])
        above = sp.csr_matrix(np.maximum(logged - self.highest, 0.0))
        scores -= above @ self.weights[self.features]
