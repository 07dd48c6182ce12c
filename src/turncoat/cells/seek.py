"""Finding the cells of a rare population instead of leaving most of them unassigned.

A call is made where it is likelier right than a stated confidence. For a rare population in shallow
cells that line leaves most of its cells out: they are T cells, and nobody says which. A user who
looks for just that population would rather have as many as possible with as few others as possible.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from turncoat.cells.markers import MarkerSet
from turncoat.cells.model import Annotator
from turncoat.cells.sample import Sample
from turncoat.errors import ArgumentError, DroppedDataWarning, did_you_mean, warn
from turncoat.tables import FloatArray

#: No cell is called a population that it is of with a smaller probability than this.
LEAST: Final = 0.2
#: Cells expected of a population before a line can be drawn for it.
MIN_EXPECTED: Final = 5.0


def best_line(probability: FloatArray) -> tuple[float, float, float]:
    """Draw the line above which calls have the best expected F1.

    If cells are of a population as often as their probabilities say, calling the ``m`` likeliest
    finds their sum ``S_m`` of ``S`` in all: F1 is about ``2 S_m / (m + S)``, and largest where the
    probability falls below half of it.

    Parameters
    ----------
    probability
        Probability of the population, one a cell, shape ``(n_cells,)``.

    Returns
    -------
    line, precision, recall
        The least probability of a call, and what to expect of the calls.

    References
    ----------
    Lipton, Elkan and Naryanaswamy (2014), ECML PKDD, 225-239.

    Examples
    --------
    >>> line, precision, recall = best_line(np.array([0.9, 0.8, 0.5, 0.1, 0.1, 0.1]))
    >>> line, round(precision, 2), round(recall, 2)
    (0.5, 0.73, 0.88)
    """
    ordered = np.sort(probability)[::-1]
    found = np.cumsum(ordered)
    called = np.arange(1, ordered.size + 1)
    best = int(np.argmax(2 * found / (called + found[-1])))
    return float(ordered[best]), float(found[best] / called[best]), float(found[best] / found[-1])


def seek(
    model: Annotator, sample: Sample, populations: Sequence[str], markers: MarkerSet
) -> Annotator:
    """Draw a line of its own for each population that is looked for.

    A cell above the line is called so where it would else be left unassigned, ``T`` or ``Myeloid``;
    its confidence stays what it is, below that of other calls. No call that is sure changes.

    Parameters
    ----------
    model
        The annotator.
    sample
        Cells of the study.
    populations
        Those that are looked for.
    markers
        Markers, for the names that exist.

    Returns
    -------
    Annotator
        The same with ``sought``; what to expect is under ``about["sought"]``.

    Raises
    ------
    ArgumentError
        When a name is no population.
    """
    if not populations:
        return model
    known = dict.fromkeys([*(node.name for node in markers.at("population")), *model.populations])
    for name in populations:
        if name not in known:
            raise ArgumentError(
                f"'seek' names '{name}', no population. {did_you_mean(name, known)}"
            )
    reader = model.prepare(pd.Index(sample.genes))
    counts = sample.counts
    probable, _ = reader.probabilities(counts.data, counts.indices, counts.indptr)
    sought: dict[str, float] = {}
    expected: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(populations):
        member = np.array([who == name for who in model.populations])
        likely = probable[:, member].sum(axis=1)
        if likely.sum() < MIN_EXPECTED:
            warn(
                f"{name} is looked for, but these cells and genes show too little of it to draw a "
                "line: it is called as any other population.",
                DroppedDataWarning,
            )
            continue
        line, precision, recall = best_line(likely)
        sought[name] = max(line, LEAST)
        expected[name] = {"line": sought[name], "precision": precision, "recall": recall}
    about = {**model.about, "sought": expected}
    return dataclasses.replace(model, sought=tuple(sought.items()), about=about)
