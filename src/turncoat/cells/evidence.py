"""How strongly a cell's counts speak for a node of the marker table, given its depth.

For each marker the evidence is the log-likelihood ratio of two rates, expressed and not
expressed, under a negative binomial of size one, mixed with the chance that an expressing cell
shows nothing. A shallow cell makes every ratio small: less depth means less evidence, never
evidence for something else. Both rates are learnt from the cells themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from turncoat.tables import FloatArray, IntArray

#: Chance that a cell of the population lacks a given marker altogether (bursting, dropout).
SILENT: Final = 0.15
#: Bounds on what one marker may say (natural log units), so that none decides alone.
LEAST, MOST = -1.2, 3.0
#: The rate where a marker is not expressed, relative to where it is, at least: ambient RNA.
LEAK: Final = 0.02
TINY: Final = 1e-7
#: A cell is an example for a node when it leads the next by this much, above :data:`FLOOR`.
LEAD, FLOOR = 1.0, 0.5
#: Examples of a node needed before its rates are learnt from them.
MIN_EXAMPLES: Final = 8
N_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class NodeGenes:
    """A node as column numbers: markers for and against, the population it counts for."""

    name: str
    positive: IntArray
    negative: IntArray
    core: IntArray
    rate: float
    owner: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of every marker per node, shape ``(n_nodes, n_genes)``, shares of a cell's counts.

    ``general_on`` and ``general_off`` (shape ``(n_genes,)``) are those of negative markers.
    """

    on: FloatArray
    off: FloatArray
    general_on: FloatArray
    general_off: FloatArray


def log_ratio(counts: FloatArray, on: FloatArray, off: FloatArray) -> FloatArray:
    """Log-likelihood ratio of expressed against not expressed, for expected counts on and off.

    Parameters
    ----------
    counts
        Counts, any shape.
    on, off
        Expected counts under either, same shape, positive.

    Returns
    -------
    FloatArray
        Natural log, between :data:`LEAST` and :data:`MOST`.

    Examples
    --------
    >>> bool(log_ratio(np.array(2.0), np.array(1.0), np.array(0.01)) > 2)
    True
    """
    expressed = counts * np.log(on / (1 + on)) - np.log1p(on)
    silent = counts * np.log(off / (1 + off)) - np.log1p(off)
    mixed = np.logaddexp(np.log(1 - SILENT) + expressed - silent, np.log(SILENT))
    bounded: FloatArray = np.clip(mixed, LEAST, MOST)
    return bounded


def score_nodes(
    counts: FloatArray, depth: FloatArray, nodes: Sequence[NodeGenes], rates: Rates
) -> FloatArray:
    """Score every cell on every node.

    Parameters
    ----------
    counts
        Counts of the marker genes, shape ``(n_cells, n_genes)``.
    depth
        Counts per cell over the whole panel, shape ``(n_cells,)``.
    nodes
        Nodes.
    rates
        Rates of their markers.

    Returns
    -------
    FloatArray
        Shape ``(n_cells, n_nodes)``; sums of evidence over the root of the number of markers, so
        that nodes with many and few markers compare.
    """
    scores = np.zeros((depth.size, len(nodes)))
    deep = depth[:, np.newaxis]
    for k, node in enumerate(nodes):
        own = node.positive
        for_it = log_ratio(counts[:, own], deep * rates.on[k, own], deep * rates.off[k, own])
        scores[:, k] = for_it.sum(axis=1) / np.sqrt(max(own.size, 4))
        if node.negative.size:
            other = node.negative
            on, off = rates.general_on[other], rates.general_off[other]
            against = np.maximum(log_ratio(counts[:, other], deep * on, deep * off), 0)
            scores[:, k] -= against.sum(axis=1) / np.sqrt(max(other.size, 4))
    return scores


def by_owner(values: FloatArray, owners: IntArray, n_owners: int) -> FloatArray:
    """Best value over the nodes of each population, shape ``(n_cells, n_owners)``."""
    return np.stack([values[:, owners == k].max(axis=1) for k in range(n_owners)], axis=1)


def lead(values: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Best column per row, its value, and its distance to the second best."""
    top = values.argmax(axis=1)
    if values.shape[1] == 1:
        return top, values[:, 0], np.full(values.shape[0], np.inf)
    ordered = np.sort(values, axis=1)
    return top, ordered[:, -1], ordered[:, -1] - ordered[:, -2]


def first_rates(shares: FloatArray, nodes: Sequence[NodeGenes], ambient: FloatArray) -> Rates:
    """Guess rates before any cell is called: the upper half of those that show the gene."""
    n_genes = shares.shape[1]
    shown = np.zeros(n_genes)
    for gene in range(n_genes):
        positive = np.sort(shares[shares[:, gene] > 0, gene])
        if positive.size >= 3:
            shown[gene] = positive[positive.size // 2 :].mean()
    general_on = np.maximum(shown, TINY * 500)
    general_off = np.minimum(np.maximum(LEAK * general_on, ambient + TINY), 0.7 * general_on)
    on = np.stack([np.maximum(general_on, node.rate) for node in nodes])
    off = np.minimum(np.maximum(LEAK * on, ambient + TINY), 0.7 * on)
    return Rates(on, off, general_on, general_off)


def learn_rates(
    counts: FloatArray, depth: FloatArray, nodes: Sequence[NodeGenes], ambient: FloatArray
) -> Rates:
    """Learn where each marker is expressed and where it is not, from the cells.

    Parameters
    ----------
    counts, depth
        As in :func:`score_nodes`.
    nodes
        Nodes that exclude each other.
    ambient
        Rate of each gene where it is surely not expressed, shape ``(n_genes,)``.

    Returns
    -------
    Rates
        Rates after a few rounds of scoring, calling the clear cells, and averaging them.
    """
    shares = counts / depth[:, np.newaxis]
    rates = first_rates(shares, nodes, ambient)
    owners = np.array([node.owner for node in nodes])
    n_owners = int(owners.max()) + 1
    on, off = rates.on.copy(), rates.off.copy()
    for _ in range(N_ROUNDS):
        scores = score_nodes(
            counts, depth, nodes, Rates(on, off, rates.general_on, rates.general_off)
        )
        top, best, margin = lead(by_owner(scores, owners, n_owners))
        nearest = scores.argmax(axis=1)
        clear = (margin > LEAD) & (best > FLOOR)
        for k, node in enumerate(nodes):
            mine, others = clear & (nearest == k), clear & (top != node.owner)
            if mine.sum() >= MIN_EXAMPLES:
                on[k] = np.maximum(np.maximum(shares[mine].mean(axis=0), 0.3 * on[k]), node.rate)
            if others.sum() >= MIN_EXAMPLES:
                off[k] = np.maximum(shares[others].mean(axis=0), 0.01 * on[k] + TINY)
            off[k] = np.minimum(off[k], 0.7 * on[k])
    return Rates(on, off, rates.general_on, rates.general_off)
