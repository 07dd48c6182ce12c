"""Virtual mice: parameters drawn from their priors, the same for a mouse wherever it is drawn."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from turncoat.errors import KnowledgeError
from turncoat.simulate.engine.simulator import Simulator
from turncoat.simulate.mouse import MODEL, parameters
from turncoat.simulate.stochastic.streams import stream_of, uniform_matrix
from turncoat.tables import BoolArray, FloatArray, IntArray

# What streams are for; the colonies of the organs add their own numbers to theirs.
PRIORS, NODE, LUNG = 1, 1024, 2048


@functools.cache
def varying() -> pd.DataFrame:
    """Parameters that differ between mice, with the spread of their logarithm."""
    table = parameters()
    return table[table["prior"] == "lognormal"].reset_index(drop=True)


@functools.cache
def mixing() -> FloatArray:
    """Lower triangle that gives independent normals the correlations of the priors.

    Raises
    ------
    KnowledgeError
        When the listed correlations contradict each other.
    """
    names = list(varying()["name"])
    correlation = np.eye(len(names))
    listed = pd.read_csv(MODEL / "correlations.csv")
    for first, second, value in listed[["first", "second", "correlation"]].itertuples(index=False):
        i, j = names.index(first), names.index(second)
        correlation[i, j] = correlation[j, i] = value
    try:
        return np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError as error:
        raise KnowledgeError("correlations.csv: the correlations contradict each other.") from error


@dataclass(frozen=True, slots=True)
class Mice:
    """Parameters and initial states of some virtual mice.

    Parameters
    ----------
    ids
        Number of each mouse; with the seed it says everything about its chance.
    constants
        Parameters, shape ``(n_mice, n_parameters)``.
    starts
        Initial states, shape ``(n_mice, n_states)``.
    possible
        Whether every parameter lies in its range.
    """

    ids: IntArray
    constants: FloatArray
    starts: FloatArray
    possible: BoolArray


def draw_mice(
    model: Simulator, centre: dict[str, float], ids: IntArray, seed: int, spread: float = 1.0
) -> Mice:
    """Draw mice around a context's values.

    Parameters
    ----------
    model
        The mouse model.
    centre
        Median of every parameter and initial state.
    ids
        Numbers of the mice.
    seed
        Seed of the population.
    spread
        Factor on the spread of every prior; 0 makes all mice equal.

    Returns
    -------
    Mice
        The mice, each independent of which others are drawn.
    """
    table = varying()
    uniforms = np.empty((ids.size, len(table)))
    uniform_matrix(stream_of(seed, 0, PRIORS), ids, uniforms)
    scores = _mixed(ndtri(uniforms))
    drawn = np.exp(spread * scores * table["sigma"].to_numpy())
    constants = _constants(model, centre, ids.size)
    starts = np.tile([centre[name] for name in model.form.state_names], (ids.size, 1))
    possible = np.ones(ids.size, dtype=bool)
    for k, (name, low, high) in enumerate(table[["name", "low", "high"]].itertuples(index=False)):
        target, position = (
            (starts, model.state(name))
            if name in model.form.state_names
            else (constants, model.constant(name))
        )
        target[:, position] = centre[name] * drawn[:, k]
        possible &= (target[:, position] >= low) & (target[:, position] <= high)
    chance = constants[:, model.constant("p_renew")] + constants[:, model.constant("p_wnt")]
    return Mice(ids, constants, starts, possible & (chance <= 1.0))


def _mixed(normals: FloatArray) -> FloatArray:
    """Correlate independent normals; a matrix product would round by the number of mice."""
    weights = mixing()
    scores = np.zeros_like(normals)
    for k in range(weights.shape[1]):
        scores += normals[:, k : k + 1] * weights[:, k]
    return scores


def _constants(model: Simulator, centre: dict[str, float], n_mice: int) -> FloatArray:
    """Parameters of equal mice; compartments keep the model's own size."""
    known = {k: v for k, v in centre.items() if k in model.form.constant_names}
    return model.constants(known, n_mice)
