"""The two sides of an edge: ligands and receptors compared by themselves."""

from typing import Final

import numpy as np

from turncoat.crosstalk.by_unit import by_unit_mean_many
from turncoat.crosstalk.different import Differences, compare
from turncoat.crosstalk.pairs import Pairs
from turncoat.crosstalk.science import Edges, Expression
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray, IntArray

#: What may be added to counts per 10,000 before taking logarithms, the safest first: one count in
#: the 20,000 of a small sample; deep samples bear less.
PRIORS: Final = (0.5, 0.25, 0.1)
#: Units that a side needs to show its spread.
MIN_UNITS: Final = 6
#: Sides of one population that show whether their spread follows their level.
ENOUGH: Final = 30


def compare_sides(
    edges: Edges,
    expression: Expression,
    pairs: Pairs,
    unit: IntArray,
    design: tuple[Units, FloatArray],
    min_donors: int,
) -> tuple[list[FloatArray], list[FloatArray], tuple[float, float]]:
    """Compare the ligand and the receptor of every edge.

    Returns
    -------
    tuple
        Change, p-value and q-value of each edge's ligand, the same of its receptor, and the
        priors of the two.
    """
    found, priors = [], []
    for level, population, number in (
        (expression.ligand, edges.sender, pairs.ligand[edges.pair]),
        (expression.receptor, edges.receiver, pairs.receptor[edges.pair]),
    ):
        used = np.zeros(level.shape[1:], dtype=bool)
        used[population, number] = True
        change, pvalue, prior = compare_side(
            level, expression.measured, unit, design, min_donors, used
        )
        found.append(of_edges((change, pvalue), population, number))
        priors.append(prior)
    return found[0], found[1], (priors[0], priors[1])


def compare_side(
    level: FloatArray,
    measured: BoolArray,
    unit: IntArray,
    design: tuple[Units, FloatArray],
    min_donors: int,
    used: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray, float]:
    """Compare all ligands, or all receptors, of every population: change and p-value.

    Parameters
    ----------
    level
        Counts per 10,000 of the weakest subunit, shape ``(samples, populations, complexes)``.
    measured
        Whether the population has enough cells, shape ``(samples, populations)``.
    unit
        Unit of each sample.
    design
        The units as arranged, and their covariates.
    min_donors
        Units that each arm must have.
    used
        The sides that edges have, shape ``(populations, complexes)``; all by default. They choose
        the prior.

    Returns
    -------
    tuple
        Change and p-value, shape ``(populations, complexes)``, and the prior of the logarithms.
    """
    n_populations, n_complexes = level.shape[1:]
    kept = np.ones((n_populations, n_complexes), dtype=bool) if used is None else used
    logs = {prior: unit_logs(level, measured, unit, prior) for prior in PRIORS}
    prior = stabilising_prior(logs, design[0].case, kept)
    flat = logs[prior].reshape(logs[prior].shape[0], -1)
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
    return found.change.reshape(shape), found.pvalue.reshape(shape), prior


def unit_logs(level: FloatArray, measured: BoolArray, unit: IntArray, prior: float) -> FloatArray:
    """Average ``log2(1 + level / prior)`` over the samples of each unit, NaN where not measured."""
    return by_unit_mean_many(np.log2(1 + level / prior), measured[..., np.newaxis], unit)


def stabilising_prior(logs: dict[float, FloatArray], case: BoolArray, used: BoolArray) -> float:
    """Choose the prior with which the spread between donors depends least on the level.

    With too small a prior rare genes are all noise; with too large a one their changes are
    pressed together. Where small samples count few molecules the large one is right, where deep
    samples count many a smaller one. The spread is that within the arms and says nothing of their
    difference; doubling every cell changes neither levels nor choice.

    Parameters
    ----------
    logs
        For every prior log levels per unit, shape ``(units, populations, complexes)``.
    case
        Arm of each unit.
    used
        Sides that count, shape ``(populations, complexes)``.

    Returns
    -------
    float
        One of the priors; the first where too few sides can tell.

    References
    ----------
    Anscombe (1948), *Biometrika* 35:246 (variance-stabilising constants for counts).
    """
    trends = {prior: _trend(values, case, used) for prior, values in logs.items()}
    if not all(np.isfinite(list(trends.values()))):
        return next(iter(logs))
    return min(trends, key=lambda prior: abs(trends[prior]))


def _trend(values: FloatArray, case: BoolArray, used: BoolArray) -> float:
    """Average rank correlation of level and within-arm variance over populations."""
    known = np.isfinite(values)
    number = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(number, 1)
    squares = np.zeros(mean.shape)
    for arm in (case, ~case):
        inside, counted = np.where(known[arm], values[arm], 0.0), known[arm].sum(axis=0)
        centre = inside.sum(axis=0) / np.maximum(counted, 1)
        squares += np.where(known[arm], (values[arm] - centre) ** 2, 0.0).sum(axis=0)
    usable = used & (number > MIN_UNITS) & (squares > 0)
    variance = squares / np.maximum(number - 2, 1)
    told = [
        (rank_correlation(mean[row][usable[row]], variance[row][usable[row]]), usable[row].sum())
        for row in range(usable.shape[0])
        if usable[row].sum() >= ENOUGH
    ]
    if not told:
        return float("nan")
    found, weight = np.array(told).T
    return float((found * weight).sum() / weight.sum())


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Correlate the ranks of two arrays without ties.

    Examples
    --------
    >>> round(rank_correlation(np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.3, 0.2])), 3)
    0.5
    """
    ranks = [values.argsort(kind="stable").argsort(kind="stable") for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


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
