"""A contrast taken apart: pairs, groups of single donors, and how much each says."""

from dataclasses import dataclass

import numpy as np

from turncoat.errors import DesignError
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Within-donor correlation assumed where too few pairs can tell it.
ASSUMED_CORRELATION = 0.5
MIN_PAIRS_FOR_CORRELATION = 4


def check_values(values: FloatArray, units: Units) -> None:
    """Refuse values that no test of this arrangement can use."""
    if values.ndim != 2 or values.shape[0] != units.case.size:
        raise DesignError(
            f"Expected one row of values per unit ({units.case.size}); got shape {values.shape}."
        )
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DesignError(
            f"Donor '{units.donors[row]}' has a missing value. Leave the unit out first (Units.take)."
        )
    if units.n_arrangements == 1:
        raise DesignError("No donor's label can be exchanged: each stratum holds one arm only.")


@dataclass(frozen=True, slots=True)
class Parts:
    """Pairs and groups of a contrast, centred, with their weights."""

    values: FloatArray
    units: Units
    weights: FloatArray
    pair_information: FloatArray

    @classmethod
    def of(cls, values: FloatArray, units: Units, weights: FloatArray | None) -> "Parts":
        """Centre the values and check the weights."""
        given = np.ones(units.case.size) if weights is None else np.asarray(weights, dtype=float)
        if (given <= 0).any() or not np.isfinite(given).all():
            raise DesignError("Weights should be positive numbers, one per unit.")
        centred = values - values.mean(axis=0)
        return cls(centred, units, given, 1 / (2 * (1 - within_donor_correlation(centred, units))))

    def moments(self, labels: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Combine pairs and groups into a difference and its variance, per row of labels."""
        shape = (labels.shape[0], self.values.shape[1])
        total, variance, information = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        if self.units.pairs.size:
            size, effect, spread = self.paired(labels)
            share: FloatArray = size * self.pair_information
            total, variance, information = share * effect, share**2 * spread, information + share
        for group in self.units.groups:
            sizes, effect, spread = self.grouped(labels, group)
            total = total + sizes * effect
            variance = variance + sizes**2 * spread
            information = information + sizes
        return total / information, variance / information**2

    def pair_weights(self) -> FloatArray:
        """Weight of each pair: the harmonic mean of its units' weights."""
        pairs = self.units.pairs
        return 2 / (1 / self.weights[pairs[:, 0]] + 1 / self.weights[pairs[:, 1]])

    def paired(self, labels: BoolArray) -> tuple[float, FloatArray, FloatArray]:
        """Weigh the pairs' differences: weight, mean and variance per row of labels."""
        pairs, weight = self.units.pairs, self.pair_weights()
        difference = self.values[pairs[:, 0]] - self.values[pairs[:, 1]]
        signs = np.where(labels[:, pairs[:, 0]], 1.0, -1.0)
        effect = signs @ (weight[:, np.newaxis] * difference) / weight.sum()
        # Around 0, not the mean: the same for every pattern of signs, so the test stays exact.
        spread = (weight[:, np.newaxis] ** 2 * difference**2).sum(axis=0) / weight.sum() ** 2
        return float(weight.sum()), effect, spread[np.newaxis, :]

    def grouped(
        self, labels: BoolArray, group: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Compare the arms of one group: weight, difference and variance per row of labels."""
        value, weight = self.values[group], self.weights[group][:, np.newaxis]
        inside = labels[:, group].astype(float)
        arms = []
        for member in (inside, 1 - inside):
            sum_weight = member @ weight
            mean = member @ (weight * value) / sum_weight
            squares = member @ (weight * value**2) - sum_weight * mean**2
            # Arms of one unit have no spread of their own; the other arm's must do.
            free = member.sum(axis=1, keepdims=True) - 1
            arms.append((sum_weight, mean, np.maximum(squares, 0), free))
        (w1, m1, s1, f1), (w0, m0, s0, f0) = arms
        pooled = (s1 + s0) / np.maximum(f1 + f0, 1)
        v1 = np.where(f1 > 0, s1 / np.maximum(f1, 1), pooled)
        v0 = np.where(f0 > 0, s0 / np.maximum(f0, 1), pooled)
        return w1 * w0 / (w1 + w0), m1 - m0, v1 / w1 + v0 / w0


def within_donor_correlation(values: FloatArray, units: Units) -> FloatArray:
    """Estimate how alike two values of a donor are, the same under every arrangement.

    It sets how much pairs count beside single donors; it never touches validity.
    """
    pairs = units.pairs
    if len(pairs) < MIN_PAIRS_FOR_CORRELATION:
        return np.full(values.shape[1], ASSUMED_CORRELATION)
    squared = ((values[pairs[:, 0]] - values[pairs[:, 1]]) ** 2).mean(axis=0)
    total = values.var(axis=0, ddof=1)
    correlation = 1 - squared / np.where(total > 0, 2 * total, 1)
    clipped: FloatArray = np.clip(correlation, 0.0, 0.9)
    return clipped
