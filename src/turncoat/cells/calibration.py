"""Confidence that means what it says: of calls made with 0.8, eight in ten are right."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.tables import FloatArray

#: Probabilities are kept this far from 0 and 1, so that their logits stay finite.
EDGE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often a call of a given probability is right (Platt's logistic scaling).

    Parameters
    ----------
    lineage, population
        Slope and intercept on the logit of the probability, per level.

    References
    ----------
    Platt (1999), Advances in Large Margin Classifiers, 61-74.

    Examples
    --------
    >>> AS_IT_IS.of_lineage(np.array([0.25, 0.75])).round(6).tolist()
    [0.25, 0.75]
    """

    lineage: tuple[float, float] = (1.0, 0.0)
    population: tuple[float, float] = (1.0, 0.0)

    def of_lineage(self, probability: FloatArray) -> FloatArray:
        """Share of right calls of a lineage at these probabilities."""
        return _scaled(probability, self.lineage)

    def of_population(self, probability: FloatArray) -> FloatArray:
        """Share of right calls of a population at these probabilities."""
        return _scaled(probability, self.population)


def _scaled(probability: FloatArray, line: tuple[float, float]) -> FloatArray:
    slope, intercept = line
    inside = np.clip(probability, EDGE, 1 - EDGE)
    scaled: FloatArray = 1 / (1 + np.exp(-slope * np.log(inside / (1 - inside)) - intercept))
    return scaled


#: For models whose labels we have not seen.
AS_IT_IS: Final = Calibration()
#: Fitted on the tuning half of GSE131907 at full depth, a half and a quarter of the counts
#: (``scripts/calibrate_annotation.py``).
FITTED: Final = Calibration(lineage=(1.345, 0.933), population=(0.843, 0.445))
#: Least confidence of a call on the fitted scale: the lowest at which halving the counts changes at
#: most 5 % of the calls, and at most 0.5 % to another population, on the same cells.
FITTED_CONFIDENCE: Final = 0.7
