"""Measuring the cells' quality in the pass that counts them, where nobody is left out for it.

A sample's thresholds are known once all its cells are: a study that leaves cells out by them has its
files read for that first (:func:`turncoat.tally.fitness.quality_of_plan`). Any other is read once.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from turncoat.cells.quality import EMPTY, N_DEVIATIONS
from turncoat.cells.quality_result import Quality
from turncoat.files import whole_file
from turncoat.study import TallyPlan
from turncoat.tally.engine import First
from turncoat.tally.fitness import CellMeasures, judge_measured
from turncoat.tally.partial import Piece
from turncoat.tally.scan import Accumulator, InTurn, default_threads

#: Name of the file that a resumable pass keeps its measures in.
MEASURES_NAME: Final = "measures.partial"


class Measuring:
    """Measures the cells of all sources while something else is done with them.

    Parameters
    ----------
    plan
        The cells by sample, whatever else the pass counts them by.
    threads
        Jobs that a block is shared out among; the cores at hand by default.
    """

    def __init__(self, plan: TallyPlan, *, threads: int | None = None) -> None:
        self._plan = plan
        n_jobs = default_threads() if threads is None else threads
        genes, species = plan.genes.index, str(plan.meta["species"])
        self._cells = [
            CellMeasures(source.n_cells, genes, species, n_jobs=n_jobs) for source in plan.sources
        ]

    def of(self, source: int) -> Accumulator:
        """Give what measures the cells of a source."""
        return self._cells[source]

    def save(self, folder: Path) -> None:
        """Write down what was measured so far, whole or not at all."""
        arrays: dict[str, Any] = {
            f"{k}.{name}": one for k, own in self._arrays() for name, one in own.items()
        }
        with whole_file(folder / MEASURES_NAME) as unfinished, unfinished.open("wb") as stream:
            np.savez(stream, **arrays)

    def load(self, folder: Path) -> bool:
        """Take up what :meth:`save` wrote; False where it is not there, or of other cells."""
        try:
            with np.load(folder / MEASURES_NAME, allow_pickle=False) as kept:
                for k, own in self._arrays():
                    for name, one in own.items():
                        one[:] = kept[f"{k}.{name}"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return False
        return True

    def rewind(self, pieces: Sequence[Piece]) -> None:
        """Do nothing: a cell that comes by again is measured again, in the same place."""

    def judge(self, *, deviations: float = N_DEVIATIONS, empty: int = EMPTY) -> Quality:
        """Mark the cells by what was measured, once all are.

        Parameters
        ----------
        deviations, empty
            As in :func:`turncoat.cells.quality.judge_cells`.
        """
        return judge_measured(self._plan, self._cells, deviations=deviations, empty=empty)

    def _arrays(self) -> "list[tuple[int, dict[str, np.ndarray[Any, Any]]]]":
        return [(k, one.arrays) for k, one in enumerate(self._cells)]


@dataclass(frozen=True, slots=True)
class Together:
    """Two things that are done with every block, the one before the other."""

    one: First
    other: First

    def of(self, source: int) -> Accumulator:
        """Give what is done with the blocks of a source."""
        return InTurn(self.one.of(source), self.other.of(source))

    def save(self, folder: Path) -> None:
        """Write both down."""
        self.one.save(folder)
        self.other.save(folder)

    def load(self, folder: Path) -> bool:
        """Take both up; False where either cannot be."""
        return self.one.load(folder) and self.other.load(folder)

    def rewind(self, pieces: Sequence[Piece]) -> None:
        """Have both forget the cells after those that are in the sums."""
        self.one.rewind(pieces)
        self.other.rewind(pieces)
