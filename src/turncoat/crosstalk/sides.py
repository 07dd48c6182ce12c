"""The two sides of an edge: ligands and receptors compared by themselves."""

import numpy as np

from turncoat.crosstalk.by_unit import by_unit_mean_many
from turncoat.crosstalk.different import Differences, compare
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray, IntArray


def compare_side(
    level: FloatArray,
    measured: BoolArray,
    unit: IntArray,
    design: tuple[Units, FloatArray],
    min_donors: int,
) -> tuple[FloatArray, FloatArray]:
    """Compare all ligands, or all receptors, of every population: change and p-value.

    Returns
    -------
    tuple
        Two arrays of shape ``(populations, complexes)``.
    """
    n_populations, n_complexes = level.shape[1:]
    mean = by_unit_mean_many(level, measured[..., np.newaxis], unit)
    flat = mean.reshape(mean.shape[0], -1)
    varies = np.nanmax(np.nan_to_num(flat), axis=0) > 0
    found = Differences.none(flat.shape[1])
    population = np.repeat(np.arange(n_populations), n_complexes)[varies]
    part = compare(
        flat[:, varies],
        *design,
        min_donors=min_donors,
        n_permutations=0,
        alike=population,
        leave_out=False,
    )
    found.change[varies], found.pvalue[varies] = part.change, part.pvalue
    shape = (n_populations, n_complexes)
    return found.change.reshape(shape), found.pvalue.reshape(shape)


def joint_pvalue(
    whole: Differences, sides: tuple[list[FloatArray], list[FloatArray]]
) -> FloatArray:
    """Combine the tests of an edge's strength and of its two sides.

    A signal may change because the ligand, the receptor, or both do. The smallest of three
    p-values counts, times three (Bonferroni); a side counts only when the whole edge moves its
    way, so that a ligand's gain which a receptor's loss undoes is none.
    """
    direction = np.sign(whole.change)
    candidates = [whole.pvalue]
    for change, pvalue in sides:
        candidates.append(np.where(np.sign(change) == direction, pvalue, 1.0))
    least = np.fmin.reduce(candidates)
    return np.where(np.isfinite(whole.pvalue), np.minimum(3 * least, 1.0), np.nan)
