"""Edges of a contrast: who could speak to whom, and how strongly, sample by sample."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from scipy.special import bdtrc, stdtr

from turncoat.crosstalk.by_unit import by_unit_any, by_unit_mean, by_unit_mean_many
from turncoat.crosstalk.pairs import Pairs
from turncoat.crosstalk.read import Field
from turncoat.stats.laws import never_zero
from turncoat.tables import BoolArray, FloatArray, IntArray

Values = TypeVar("Values", FloatArray, BoolArray)
#: Added to counts per 10,000 before taking logarithms: about one count in the 20,000 of a small
#: sample, so that what is hardly measured hardly varies.
PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as measured and expressed.

    Parameters
    ----------
    min_cells
        Cells of a population that a sample must have.
    min_detection
        Share of cells in which the weakest subunit must be seen.
    ambient
        Share of ambient RNA assumed at most: a level must exceed what that would give.
    min_donors
        Donors of one arm in which an edge must be present.
    min_share
        The same as a share of the donors with both populations.
    """

    min_cells: int = 5
    min_detection: float = 0.05
    ambient: float = 0.05
    min_donors: int = 3
    min_share: float = 0.5


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges that are present in enough donors of an arm, as arrays over edges.

    Parameters
    ----------
    sender, receiver, pair
        Numbers of populations and pairs, shape ``(n_edges,)``.
    strength
        log2(1 + sqrt(ligand x receptor) / prior) per unit; NaN where a population is not
        measured, shape ``(n_units, n_edges)``.
    ligand, receptor
        log2(1 + level / prior) of the weakest subunits, same shape.
    present
        Whether both sides are expressed in one sample of the unit, same shape.
    """

    sender: IntArray
    receiver: IntArray
    pair: IntArray
    strength: FloatArray
    ligand: FloatArray
    receptor: FloatArray
    present: BoolArray


@dataclass(frozen=True, slots=True)
class Expression:
    """Ligands and receptors of all populations.

    Parameters
    ----------
    ligand, receptor
        Level of the weakest subunit, shape ``(samples, populations, complexes)``.
    log_ligand, log_receptor
        The same as :func:`log_level`.
    sends, receives
        Whether it counts as expressed, same shape.
    measured
        Whether the population has enough cells, shape ``(samples, populations)``.
    """

    ligand: FloatArray
    receptor: FloatArray
    log_ligand: FloatArray
    log_receptor: FloatArray
    sends: BoolArray
    receives: BoolArray
    measured: BoolArray


def log_level(level: FloatArray) -> FloatArray:
    """Logarithm (base 2) of a level above the prior; 0 for none.

    Examples
    --------
    >>> float(log_level(np.array(0.5)))
    1.0
    """
    return np.asarray(np.log2(1 + level / PRIOR))


def express(field: Field, pairs: Pairs, limits: Limits) -> Expression:
    """Measure every ligand and receptor in every population of every sample.

    Parameters
    ----------
    field
        Expression per sample and population.
    pairs
        Ligands and receptors.
    limits
        What counts as expressed.

    Returns
    -------
    Expression
        Levels of the weakest subunits and whether they count.
    """
    measured = field.measured(limits.min_cells)
    soup = limits.ambient * field.soup[:, np.newaxis, :]
    seen = (
        (field.detection >= limits.min_detection) & (field.level > soup) & measured[..., np.newaxis]
    )
    ligand, receptor = (side.weakest(field.level) for side in (pairs.ligands, pairs.receptors))
    return Expression(
        ligand=ligand,
        receptor=receptor,
        log_ligand=log_level(ligand),
        log_receptor=log_level(receptor),
        sends=pairs.ligands.all_of(seen),
        receives=pairs.receptors.all_of(seen),
        measured=measured,
    )


def find_edges(
    expression: Expression, pairs: Pairs, unit: IntArray, case: BoolArray, limits: Limits
) -> Edges:
    """List the edges whose two sides are expressed in the same sample in enough donors.

    Parameters
    ----------
    expression
        Ligands and receptors of all populations.
    pairs
        The pairs.
    unit
        Unit (donor and arm) of each sample.
    case
        Whether each unit is in the case arm.
    limits
        What is enough.

    Returns
    -------
    Edges
        Sorted by sender, receiver and pair.
    """
    sends = expression.sends[:, :, pairs.ligand].transpose(2, 1, 0)
    receives = expression.receives[:, :, pairs.receptor].transpose(2, 0, 1)
    # Samples with both sides expressed, (pairs, senders, receivers): an upper bound on units.
    together = np.matmul(sends.astype(np.float32), receives.astype(np.float32))
    enough_together = together >= min(limits.min_donors, unit.max() + 1)
    sender, receiver, pair = np.nonzero(enough_together.transpose(1, 2, 0))
    present = by_unit_any(
        _flat(expression.sends, sender * expression.sends.shape[2] + pairs.ligand[pair])
        & _flat(
            expression.receives, receiver * expression.receives.shape[2] + pairs.receptor[pair]
        ),
        unit,
    )
    measured = by_unit_any(expression.measured, unit)
    both = measured[:, sender] & measured[:, receiver]
    enough = np.zeros(pair.size, dtype=bool)
    for arm in (case, ~case):
        found, possible = present[arm].sum(axis=0), both[arm].sum(axis=0)
        enough |= (found >= limits.min_donors) & (found >= limits.min_share * possible)
    return _measure(
        expression,
        pairs,
        unit,
        (sender[enough], receiver[enough], pair[enough]),
        present[:, enough],
    )


def _measure(
    expression: Expression,
    pairs: Pairs,
    unit: IntArray,
    edges: tuple[IntArray, IntArray, IntArray],
    present: BoolArray,
) -> Edges:
    sender, receiver, pair = edges
    both = expression.measured[:, sender] & expression.measured[:, receiver]
    at_sender = sender * expression.ligand.shape[2] + pairs.ligand[pair]
    at_receiver = receiver * expression.receptor.shape[2] + pairs.receptor[pair]
    ligand, log_ligand = (
        _flat(each, at_sender) for each in (expression.ligand, expression.log_ligand)
    )
    receptor, log_receptor = (
        _flat(each, at_receiver) for each in (expression.receptor, expression.log_receptor)
    )
    means = [
        by_unit_mean(values, both, unit)
        for values in (log_level(np.sqrt(ligand * receptor)), log_ligand, log_receptor)
    ]
    return Edges(sender, receiver, pair, means[0], means[1], means[2], present)


def _flat(values: Values, places: IntArray) -> Values:
    """Take places along the last two axes together."""
    return values.reshape(values.shape[0], -1).take(places, axis=1)


def presence_pvalues(
    edges: Edges, expression: Expression, pairs: Pairs, unit: IntArray
) -> FloatArray:
    """Test that an edge is present in more donors than the two populations' background.

    The background is how often a ligand of the table counts as expressed in the sender, times
    how often a receptor does in the receiver: a population with many transcripts passes more
    genes by chance. Donors are the trials of a binomial test.

    Returns
    -------
    FloatArray
        One-sided p-values, shape ``(n_edges,)``.
    """
    measured = expression.measured
    weight = np.maximum(measured.sum(axis=0), 1)
    sends = expression.sends[:, :, np.unique(pairs.ligand)].mean(axis=2)
    receives = expression.receives[:, :, np.unique(pairs.receptor)].mean(axis=2)
    rate_send = (sends * measured).sum(axis=0) / weight
    rate_receive = (receives * measured).sum(axis=0) / weight
    rate = np.clip(rate_send[edges.sender] * rate_receive[edges.receiver], 0.01, 0.99)
    units = by_unit_any(measured, unit)
    trials = (units[:, edges.sender] & units[:, edges.receiver]).sum(axis=0)
    found = edges.present.sum(axis=0).astype(float)
    tail = np.where(found > 0, bdtrc(np.maximum(found - 1, 0), trials, rate), 1.0)
    return never_zero(tail)


def specificity_pvalues(level: FloatArray, measured: BoolArray, donor: IntArray) -> FloatArray:
    """Test, over donors, that a population expresses a gene above the average of the others.

    Parameters
    ----------
    level
        log level, shape ``(samples, populations, complexes)``.
    measured
        Whether the population has enough cells, shape ``(samples, populations)``.
    donor
        Donor of each sample.

    Returns
    -------
    FloatArray
        One-sided p-values of a one-sample t-test, shape ``(populations, complexes)``; NaN with
        fewer than two donors.
    """
    known = measured[..., np.newaxis]
    total = np.where(known, level, 0.0).sum(axis=1, keepdims=True)
    number = known.sum(axis=1, keepdims=True)
    others = (total - np.where(known, level, 0.0)) / np.maximum(number - 1, 1)
    usable = known & (number > 1)
    excess = by_unit_mean_many(np.where(usable, level - others, 0.0), usable, donor)
    n_donors = np.isfinite(excess).sum(axis=0)
    filled = np.where(np.isfinite(excess), excess, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n_donors, 1)
    squares = np.where(np.isfinite(excess), (filled - mean) ** 2, 0.0).sum(axis=0)
    freedom = np.maximum(n_donors - 1, 1)
    error = np.sqrt(squares / freedom / np.maximum(n_donors, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0, mean / error, np.sign(mean) * np.inf)
    statistic = np.where(np.isnan(statistic), 0.0, statistic)
    pvalues = never_zero(stdtr(freedom, -statistic))
    # Donors that are identical have no spread: nothing can be said of others.
    return np.asarray(np.where((n_donors >= 2) & (error > 0), pvalues, np.nan))
