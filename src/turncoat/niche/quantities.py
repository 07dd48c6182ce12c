"""What is measured of a sample's make-up: shares, centred log-ratios, named log-ratios."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.knowledge.vocabulary import match_population, normal_form
from turncoat.stats.composition import HALF_CELL, centred_log_ratios, log_ratios
from turncoat.tables import FloatArray

#: The sentinel-node read-out of Kos et al. 2022 (Cell Reports 38:110447).
DEFAULT_RATIOS = ("Treg/NK",)
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Ratio:
    """A named log-ratio of populations.

    Parameters
    ----------
    name
        As it was asked for, for instance ``"Treg/NK"``.
    above, below
        Labels of the populations on either side.
    """

    name: str
    above: tuple[str, ...]
    below: tuple[str, ...]


def parse_ratio(text: str, populations: Sequence[str]) -> Ratio:
    """Read ``"A/B"`` or ``"A + B / C"``, sides matched with the study's labels.

    Parameters
    ----------
    text
        The ratio.
    populations
        Labels of the study.

    Returns
    -------
    Ratio
        Labels of several populations that mean the same stand together.

    Raises
    ------
    ArgumentError
        When the text has not exactly one ``/``, or a population stands on both sides.
    MissingKeyError
        When a population does not occur.

    Examples
    --------
    >>> parse_ratio("Treg/NK", ["NK_cells", "Tregs"]).above
    ('Tregs',)
    """
    sides = text.split("/")
    if len(sides) != 2:
        raise ArgumentError(f"A ratio is written 'A/B' or 'A + B/C'; got '{text}'.")
    above, below = (
        tuple(label for name in side.split("+") for label in _labels(name.strip(), populations))
        for side in sides
    )
    both = sorted(set(above) & set(below))
    if both:
        raise ArgumentError(f"The ratio '{text}' has '{both[0]}' on both sides.")
    return Ratio(text, above, below)


def _labels(name: str, populations: Sequence[str]) -> list[str]:
    if name in populations:
        return [name]
    meant = match_population(name).population
    found = [
        label
        for label in populations
        if normal_form(label) == normal_form(name)
        or (meant is not None and match_population(label).population == meant)
    ]
    if not found:
        raise MissingKeyError(
            f"The study has no population '{name}' (argument 'ratios'). "
            f"{did_you_mean(name, populations)}"
        )
    return found


def quantities(
    cells: pd.DataFrame, ratios: Sequence[Ratio]
) -> tuple[list[str], list[str], FloatArray]:
    """Compute every log-ratio of a table of cell numbers.

    Parameters
    ----------
    cells
        Cells per unit (rows) and population (columns).
    ratios
        Named ratios to take beside the centred log-ratio of each population.

    Returns
    -------
    tuple
        Names, kinds (``ratio`` or ``centred``) and values in log2, shape
        ``(n_units, n_quantities)``; NaN where a ratio has no cells at all.
    """
    counts = cells.to_numpy(dtype=float)
    labels = [str(label) for label in cells.columns]
    above = np.array([[label in ratio.above for label in labels] for ratio in ratios], dtype=float)
    below = np.array([[label in ratio.below for label in labels] for ratio in ratios], dtype=float)
    shape = (len(ratios), len(labels))
    named = log_ratios(counts, above.reshape(shape), below.reshape(shape))
    values = np.hstack([named, centred_log_ratios(counts)])
    kinds = ["ratio"] * len(ratios) + ["centred"] * len(labels)
    return [ratio.name for ratio in ratios] + labels, kinds, values


def ratio_interval(above: float, below: float) -> tuple[float, float, float]:
    """Give one sample's log2 ratio with the 95 % interval of counting so many cells.

    Examples
    --------
    >>> [round(float(x), 2) for x in ratio_interval(40, 10)]
    [1.95, 0.97, 2.93]
    """
    value = np.log2((above + HALF_CELL) / (below + HALF_CELL))
    reach = Z95 * np.sqrt(1 / (above + HALF_CELL) + 1 / (below + HALF_CELL)) / np.log(2)
    return float(value), float(value - reach), float(value + reach)
