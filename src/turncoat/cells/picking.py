"""From probabilities of classes to calls, as codes."""

from dataclasses import dataclass

import numpy as np

from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Called:
    """Calls of some cells, as codes into the names and lineages of a :class:`Reader`.

    Parameters
    ----------
    lineage, lineage_confidence
        Lineage, and how sure it is.
    population, confidence
        Population, and how sure it is.
    guess
        The likeliest population, also where the call abstains.
    """

    lineage: IntArray
    lineage_confidence: FloatArray
    population: IntArray
    confidence: FloatArray
    guess: IntArray


def sum_and_pick(probabilities: FloatArray, names: tuple[str, ...]) -> tuple[IntArray, FloatArray]:
    """Add up the classes of a name; give each cell's best name, by number, and its probability."""
    distinct = list(dict.fromkeys(names))
    member = np.array([[name == one for one in distinct] for name in names], dtype=float)
    summed = probabilities @ member
    return summed.argmax(axis=1), summed.max(axis=1)


def best_and_pick(probabilities: FloatArray, names: tuple[str, ...]) -> tuple[IntArray, FloatArray]:
    """Give each cell's best class by its name: classes asked one by one share no probability."""
    distinct = list(dict.fromkeys(names))
    number = np.array([distinct.index(name) for name in names])
    best = probabilities.argmax(axis=1)
    return number[best], probabilities.max(axis=1)
