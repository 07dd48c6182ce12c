"""The search for copy number in many cells: a few thousand at a time, whatever their number.

Normal cells make the baseline; some thousand candidates of a donor teach what its tumour cells
share; then every cell of the donor is held against that, and its profile let go.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.copynumber import (
    Baseline,
    agreement,
    binned,
    by_arm,
    shared_profile,
)
from turncoat.cells.two_kinds import separate
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Normal cells used at most, and needed at least, as reference.
MAX_REFERENCE, MIN_REFERENCE = 3_000, 20
#: A donor with fewer candidates leans on the profile of all donors together.
MIN_CANDIDATES: Final = 10
#: Candidates of a donor that its shared profile is made of, at most: 0.1 GiB of profiles.
MAX_TAUGHT: Final = 12_000
#: Cells whose values are in memory at once: some tens of MiB.
CELLS_AT_ONCE: Final = 2048
#: Agreement that this share of the normal cells stays below: above it a cell is malignant …
SURE_QUANTILE: Final = 0.99
#: … and below this one it is normal; between them it is uncertain. Where normal and tumour cells
#: are plainly two kinds, the bounds lie between the two (:func:`~turncoat.cells.two_kinds.separate`).
NORMAL_QUANTILE: Final = 0.90

#: Gives the log-normalised expression of some cells, by their numbers.
Gather = Callable[[IntArray], sp.csr_matrix]


@dataclass(frozen=True, slots=True)
class Searched:
    """The cells that are searched; every array has shape ``(n_cells,)``.

    Parameters
    ----------
    donors
        Donor of each.
    candidate, healthy
        Whether a cell is of a lineage that could be malignant; whether it is from tissue that is
        known to be free of tumour.
    reference
        Whether it is one of the normal cells that the others are compared with.
    """

    donors: "np.ndarray[Any, Any]"
    candidate: BoolArray
    healthy: BoolArray
    reference: BoolArray

    @property
    def possible(self) -> BoolArray:
        """Cells that may be called malignant."""
        return self.candidate & ~self.healthy


class Search:
    """Holds every cell against what the tumour cells of its donor share.

    Parameters
    ----------
    cells
        Who is who.
    baseline
        What normal cells express.
    gather
        Gives the expression of some cells; by several threads at once, where there are.
    threads
        How many work out profiles. They share the cells that are in memory at once.
    """

    def __init__(
        self, cells: Searched, baseline: Baseline, gather: Gather, *, threads: int = 1
    ) -> None:
        self._cells, self._baseline, self._gather = cells, baseline, gather
        self._threads = threads
        self._possible = cells.possible
        self._rows = np.flatnonzero(cells.reference)
        self._normal = self.profiles(self._rows)
        self._pooled: FloatArray | None = None
        n_cells = cells.donors.size
        #: Agreement with the donor's tumour; bounds of what is malignant and what is normal.
        self.score, self.sure, self.normal = (np.zeros(n_cells) for _ in range(3))
        self.donor_rows: list[dict[str, Any]] = []
        self.arm_rows: list[dict[str, Any]] = []
        for donor in np.unique(cells.donors):
            self._look_at(str(donor), np.flatnonzero(cells.donors == donor))

    def profiles(self, rows: IntArray) -> FloatArray:
        """Work out profiles, shape ``(n_rows, n_places)``."""
        made = np.empty((rows.size, self._baseline.n_places), dtype=np.float32)

        def work_out(some: IntArray) -> None:
            made[some] = self._baseline.profile(self._gather(rows[some]))

        with ThreadPoolExecutor(self._threads) as pool:
            # All are waited for, and what went wrong in one is said.
            list(pool.map(work_out, _shares(np.arange(rows.size), self._threads)))
        return made

    def pictures(self, rows: IntArray) -> tuple[FloatArray, pd.DataFrame]:
        """Average the profiles of some cells over bins, to be looked at."""
        return binned(self.profiles(rows), self._baseline.places)

    def _of_all(self) -> FloatArray:
        """Profile that the candidates of all donors share."""
        if self._pooled is None:
            rows = np.flatnonzero(self._possible)
            self._pooled = shared_profile(self.profiles(evenly(rows, MAX_TAUGHT)))
        return self._pooled

    def _look_at(self, donor: str, mine: IntArray) -> None:
        tumour = mine[self._possible[mine]]
        enough = tumour.size >= MIN_CANDIDATES
        taught = evenly(tumour, MAX_TAUGHT)
        profiles = self.profiles(taught)
        shared = shared_profile(profiles) if enough else self._of_all()
        own = np.flatnonzero(np.isin(self._rows, mine, assume_unique=True))
        by_own = agreement(self._normal[own], shared)
        noise = by_own if own.size >= MIN_REFERENCE else agreement(self._normal, shared)
        self.score[self._rows[own]] = by_own
        self.score[taught] = agreement(profiles, shared)
        bounds = np.quantile(noise, (NORMAL_QUANTILE, SURE_QUANTILE))
        low, high = separate(
            noise, self.score[taught], (float(bounds[0]), max(float(bounds[1]), 0.0))
        )
        self.normal[mine], self.sure[mine] = low, high
        certain = self.score[taught] > high
        total, n_certain = profiles[certain].sum(axis=0, dtype=float), int(certain.sum())
        rest = mine[~np.isin(mine, taught) & ~self._cells.reference[mine]]
        for some in _shares(rest):
            profiles = self.profiles(some)
            self.score[some] = agreement(profiles, shared)
            certain = (self.score[some] > high) & self._possible[some]
            total += profiles[certain].sum(axis=0, dtype=float)
            n_certain += int(certain.sum())
        self._tell(donor, tumour.size, own.size, enough=enough)
        if enough and n_certain:
            self.arm_rows += [
                {"donor": donor, "arm": str(arm), "n_genes": int(n), "shift": float(shift)}
                for arm, n, shift in by_arm(total / n_certain, self._baseline)
            ]

    def _tell(self, donor: str, n_candidates: int, n_own: int, *, enough: bool) -> None:
        few = "too few candidates: the profile of all donors together"
        remarks = [] if enough else [few if n_candidates else "no candidates"]
        if n_own < MIN_REFERENCE:
            remarks.append(f"{n_own} normal cells: compared with those of other donors")
        if n_candidates > MAX_TAUGHT:
            remarks.append(f"{MAX_TAUGHT:,} of its candidates make the profile")
        self.donor_rows.append(
            {
                "donor": donor,
                "n_candidates": n_candidates,
                "n_own_normal": n_own,
                "remark": "; ".join(remarks),
            }
        )


def _shares(rows: IntArray, threads: int = 1) -> list[IntArray]:
    size = -(-CELLS_AT_ONCE // threads)
    return np.split(rows, np.arange(size, rows.size, size)) if rows.size else []


def evenly(rows: IntArray, most: int) -> IntArray:
    """Choose rows evenly spaced, ``most`` at most.

    Examples
    --------
    >>> evenly(np.arange(9), 3).tolist()
    [0, 4, 8]
    """
    if rows.size <= most:
        return rows
    return rows[np.unique(np.linspace(0, rows.size - 1, most).astype(np.int64))]
