"""States within a population, told by markers alone, with an honest account of false calls.

A state is called only where its markers go together more than chance: the same cells with every
marker shuffled between cells of like depth show how often noise alone would make a call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from turncoat.cells.evidence import (
    TINY,
    NodeGenes,
    Rates,
    by_owner,
    lead,
    learn_rates,
    score_nodes,
)
from turncoat.tables import FloatArray, IntArray

#: Label of a cell whose state is not sure, or whose population has no states.
NO_STATE: Final = ""
#: A state is called where its score is this high and leads the next state by this much.
LEAST_SCORE, LEAST_LEAD = 0.5, 0.25
#: Noise may make at most this share of a population's cells a rare state. A population with states
#: is seldom a fifth of all cells, so that this is at most 0.2 % of all.
MAX_FALSE: Final = 0.01
#: A state in more than this share of the cells is no rare one: shuffling says little about it.
COMMON: Final = 0.2
#: Fewer cells than this teach no rates.
MIN_CELLS: Final = 30
N_SHUFFLES: Final = 5
N_DEPTH_STRATA: Final = 5


@dataclass(frozen=True, slots=True)
class StateModel:
    """How the states of one population are told.

    Parameters
    ----------
    population
        Whose states.
    names
        States.
    genes
        Their markers, positive and negative.
    positive, negative
        Per state, indices into ``genes``.
    rates
        On, off, general on and off: shapes as in :class:`turncoat.cells.evidence.Rates`.
    thresholds
        Least score of each state.
    observed, shuffled
        Share of the cells learnt from that were called, and that were called after shuffling.
    """

    population: str
    names: tuple[str, ...]
    genes: tuple[str, ...]
    positive: tuple[tuple[int, ...], ...]
    negative: tuple[tuple[int, ...], ...]
    rates: tuple[Any, ...]
    thresholds: tuple[float, ...]
    observed: tuple[float, ...]
    shuffled: tuple[float, ...]

    def nodes(self) -> list[NodeGenes]:
        """States as nodes over their own genes."""
        empty = np.empty(0, dtype=np.int64)
        return [
            NodeGenes(
                name,
                np.array(self.positive[k], dtype=np.int64),
                np.array(self.negative[k], dtype=np.int64),
                empty,
                0.0,
                k,
            )
            for k, name in enumerate(self.names)
        ]

    def call(
        self, counts: FloatArray, depth: FloatArray
    ) -> tuple["np.ndarray[Any, Any]", FloatArray]:
        """State of every cell of the population (may be none), and its score.

        Parameters
        ----------
        counts
            Counts of :attr:`genes`, shape ``(n_cells, n_genes)``; zero for those not measured.
        depth
            Counts per cell, shape ``(n_cells,)``.
        """
        scores = score_nodes(counts, depth, self.nodes(), self.unpacked())
        picked = pick(scores, np.array(self.thresholds))
        names = np.array([*self.names, NO_STATE], dtype=object)
        return names[picked], scores.max(axis=1)

    def unpacked(self) -> Rates:
        """Rates as arrays."""
        return Rates(*(np.asarray(values, dtype=np.float64) for values in self.rates))

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        told: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        told["rates"] = [np.asarray(values).tolist() for values in self.rates]
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "StateModel":
        """Rebuild what :meth:`to_json` gave."""
        return cls(
            population=str(told["population"]),
            names=tuple(told["names"]),
            genes=tuple(told["genes"]),
            positive=tuple(tuple(part) for part in told["positive"]),
            negative=tuple(tuple(part) for part in told["negative"]),
            rates=tuple(told["rates"]),
            thresholds=tuple(told["thresholds"]),
            observed=tuple(told["observed"]),
            shuffled=tuple(told["shuffled"]),
        )


def pick(scores: FloatArray, thresholds: FloatArray) -> IntArray:
    """Give the number of every cell's state; the number of states where none is sure."""
    top, best, margin = lead(scores)
    sure = (best >= thresholds[top]) & (margin >= LEAST_LEAD)
    return np.where(sure, top, scores.shape[1])


def shuffle_within_depth(
    counts: FloatArray, depth: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Shuffle each gene between cells of like depth: rates stay, co-expression goes."""
    order = np.argsort(depth, kind="stable")
    shuffled = counts.copy()
    for stratum in np.array_split(order, min(N_DEPTH_STRATA, max(1, order.size // 20))):
        for gene in range(counts.shape[1]):
            shuffled[stratum, gene] = counts[rng.permutation(stratum), gene]
    return shuffled


def learn_states(
    population: str,
    counts: sp.csr_matrix,
    depth: FloatArray,
    genes: Sequence[str],
    nodes: Sequence[NodeGenes],
    rng: np.random.Generator,
) -> StateModel | None:
    """Learn how to tell the states of one population from its own cells.

    Parameters
    ----------
    population
        Its name.
    counts, depth
        Its cells.
    genes
        Names of the columns.
    nodes
        Its states as column numbers.
    rng
        For the shuffling.

    Returns
    -------
    StateModel or None
        None with fewer than :data:`MIN_CELLS` cells or no state told by the panel.
    """
    if depth.size < MIN_CELLS or not nodes:
        return None
    used = np.unique(np.concatenate([np.r_[node.positive, node.negative] for node in nodes]))
    place = {int(column): k for k, column in enumerate(used)}
    local = [
        NodeGenes(
            node.name,
            np.array([place[int(g)] for g in node.positive], dtype=np.int64),
            np.array([place[int(g)] for g in node.negative], dtype=np.int64),
            np.empty(0, dtype=np.int64),
            node.rate,
            k,
        )
        for k, node in enumerate(nodes)
    ]
    dense = counts[:, used].toarray()
    rates = learn_rates(dense, depth, local, np.full(used.size, TINY))
    thresholds, observed, noise = _thresholds(dense, depth, local, rates, rng)
    return StateModel(
        population=population,
        names=tuple(node.name for node in local),
        genes=tuple(str(genes[int(column)]) for column in used),
        positive=tuple(tuple(map(int, node.positive)) for node in local),
        negative=tuple(tuple(map(int, node.negative)) for node in local),
        rates=(rates.on, rates.off, rates.general_on, rates.general_off),
        thresholds=tuple(map(float, thresholds)),
        observed=tuple(map(float, observed)),
        shuffled=tuple(map(float, noise)),
    )


def _thresholds(
    counts: FloatArray,
    depth: FloatArray,
    nodes: list[NodeGenes],
    rates: Rates,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    n_states = len(nodes)
    scores = score_nodes(counts, depth, nodes, rates)
    noise = np.vstack(
        [
            score_nodes(shuffle_within_depth(counts, depth, rng), depth, nodes, rates)
            for _ in range(N_SHUFFLES)
        ]
    )
    thresholds = np.full(n_states, LEAST_SCORE)
    observed = np.bincount(pick(scores, thresholds), minlength=n_states + 1) / depth.size
    top, best, margin = lead(by_owner(noise, np.arange(n_states), n_states))
    for k in range(n_states):
        if observed[k] > COMMON:
            continue
        wrong = np.sort(best[(top == k) & (margin >= LEAST_LEAD)])
        allowed = int(MAX_FALSE * noise.shape[0])
        if wrong.size > allowed:
            thresholds[k] = max(LEAST_SCORE, float(wrong[wrong.size - allowed - 1]) + 1e-6)
    observed = np.bincount(pick(scores, thresholds), minlength=n_states + 1) / depth.size
    false = np.bincount(pick(noise, thresholds), minlength=n_states + 1) / noise.shape[0]
    return thresholds, observed[:-1], false[:-1]
