"""The two sides of an edge: ligands and receptors compared by themselves."""

import numpy as np

from turncoat.crosstalk.by_unit import by_unit_mean_many
from turncoat.crosstalk.different import Differences, compare
from turncoat.stats.multiplicity import benjamini_hochberg
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


def of_edges(
    side: tuple[FloatArray, FloatArray], population: IntArray, number: IntArray
) -> list[FloatArray]:
    """Look up each edge's side: change, p-value, and q-value among the sides that edges have."""
    change, pvalue = side
    used = np.zeros(pvalue.shape, dtype=bool)
    used[population, number] = True
    qvalue = np.full(pvalue.shape, np.nan)
    qvalue[used] = benjamini_hochberg(pvalue[used])
    return [values[population, number] for values in (change, pvalue, qvalue)]


def joint_pvalue(
    whole: Differences, sides: tuple[list[FloatArray], list[FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Combine the tests of an edge's strength and of its two sides.

    A signal may change because the ligand, the receptor, or both do. The smallest of three
    p-values counts, times three (Bonferroni); a side counts only when the whole edge moves its
    way, so that a ligand's gain which a receptor's loss undoes is none.

    Parameters
    ----------
    whole
        The edges compared.
    sides
        Change, p-value and q-value of each edge's ligand and receptor.

    Returns
    -------
    tuple
        The joint p-value, and the q-value of the side that gave it among all sides of its kind:
        0 where the edge as a whole did.
    """
    direction = np.sign(whole.change)
    candidates: list[FloatArray] = [whole.pvalue]
    rates: list[FloatArray] = [np.zeros(whole.pvalue.size)]
    for change, pvalue, qvalue in sides:
        candidates.append(np.where(np.sign(change) == direction, pvalue, 1.0))
        rates.append(qvalue)
    tested = np.isfinite(whole.pvalue)
    every = np.nan_to_num(np.stack(candidates), nan=1.0)
    leads = every.argmin(axis=0)
    rate = np.take_along_axis(np.stack(rates), leads[np.newaxis], axis=0)[0]
    return np.where(tested, np.minimum(3 * every.min(axis=0), 1.0), np.nan), rate


def strength_weights(strength: FloatArray) -> FloatArray:
    """Weigh edges by their mean strength over all donors, 1 on average.

    What both sides hardly express can hardly be seen to change, and says little when it seems
    to. Strength over both arms together says nothing of their difference, so that weighting
    p-values by it keeps the false-discovery rate.

    Parameters
    ----------
    strength
        Shape ``(n_units, n_edges)``, NaN where not measured.

    Returns
    -------
    FloatArray
        Shape ``(n_edges,)``; divide p-values by it.

    References
    ----------
    Genovese, Roeder and Wasserman (2006), *Biometrika* 93:509 (weighted p-values); Bourgon,
    Gentleman and Huber (2010), *PNAS* 107:9546 (filters independent of the test).

    Examples
    --------
    >>> strength_weights(np.array([[1.0, 3.0], [1.0, 3.0]]))
    array([0.5, 1.5])
    """
    known = np.isfinite(strength)
    mean = np.where(known, strength, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    average = mean.mean() if mean.size else 0.0
    return np.asarray(mean / average if average > 0 else np.ones(mean.size))
