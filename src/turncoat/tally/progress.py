"""How far a tally is, how fast it goes, and when it will be done."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tally is.

    Parameters
    ----------
    cells_done, cells_total
        Cells counted so far (also in an earlier run), and in all.
    cells_per_second
        Speed since this run began.
    seconds_left
        Time left at that speed; NaN before there is one.
    """

    cells_done: int
    cells_total: int
    cells_per_second: float
    seconds_left: float


Report = Callable[[Progress], None]

#: Reports a second at most; a terminal shows no more.
REPORTS_PER_SECOND = 10


class Pace:
    """Turns counts of cells into reports, not too many of them."""

    def __init__(self, report: Report | None, total: int, done: int) -> None:
        self._report, self._total, self._begun_with = report, total, done
        self._begun = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        """Say that so many cells are counted."""
        now = time.monotonic()
        if self._report is None:
            return
        if done < self._total and now - self._last < 1 / REPORTS_PER_SECOND:
            return
        self._last = now
        speed = (done - self._begun_with) / max(now - self._begun, 1e-9)
        left = (self._total - done) / speed if speed > 0 else float("nan")
        self._report(Progress(done, self._total, speed, left))
