"""One call for a contrast of donors: which test, which estimate, adjusted or not."""

from dataclasses import dataclass

from turncoat.stats.adjusted import compare_adjusted
from turncoat.stats.estimate import Estimate, estimate
from turncoat.stats.permutation import N_PERMUTATIONS, Permuted, permute
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Donors:
    """The donors of a contrast with what travels with them.

    Parameters
    ----------
    units
        The donors as arranged.
    weights
        Weight per unit, shape ``(n_units,)``.
    covariates
        Columns to adjust for, shape ``(n_units, n_columns)``; none for no adjustment.
    """

    units: Units
    weights: FloatArray
    covariates: FloatArray

    def take(self, keep: BoolArray) -> "Donors":
        """Keep some units."""
        return Donors(self.units.take(keep), self.weights[keep], self.covariates[keep])


def compare(
    values: FloatArray, donors: Donors, *, seed: int = 0, n_permutations: int = N_PERMUTATIONS
) -> tuple[Permuted, Estimate]:
    """Test and estimate a contrast, adjusted where there are covariates.

    Parameters
    ----------
    values
        One value per unit and score, shape ``(n_units, n_scores)``, no NaN.
    donors
        The donors as arranged, with weights and covariates.
    seed
        Fixes the draws of sampled permutations.
    n_permutations
        How many to draw where not all are enumerated.

    Returns
    -------
    tuple
        Permuted statistics and the estimate.
    """
    if donors.covariates.shape[1]:
        return compare_adjusted(
            values,
            donors.units,
            donors.covariates,
            weights=donors.weights,
            seed=seed,
            n_permutations=n_permutations,
        )
    permuted = permute(
        values, donors.units, weights=donors.weights, seed=seed, n_permutations=n_permutations
    )
    return permuted, estimate(values, donors.units, weights=donors.weights)
