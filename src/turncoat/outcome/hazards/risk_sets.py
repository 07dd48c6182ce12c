"""Who was at risk when: the arrangement of patients that every Cox computation shares."""

import itertools
from dataclasses import dataclass

import numpy as np

from turncoat.errors import DesignError
from turncoat.tables import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Patients sorted by stratum and time, with the bounds of each event's risk set.

    Parameters
    ----------
    order
        Rows of the data in sorted order, shape ``(n,)``.
    event
        1.0 where the event happened, in sorted order.
    time
        Follow-up in sorted order.
    stratum
        Stratum code in sorted order.
    bounds
        Begin and end of each stratum in sorted order.
    begins
        Where each group of patients with the same time begins.
    first, group
        For each event: where its risk set begins (it ends with the stratum), and its group.
    fraction
        Efron's share of the tied events that is no longer at risk, for each event.
    """

    order: IntArray
    event: FloatArray
    time: FloatArray
    stratum: IntArray
    bounds: tuple[tuple[int, int], ...]
    begins: IntArray
    first: IntArray
    group: IntArray
    fraction: FloatArray

    @property
    def events(self) -> IntArray:
        """Positions of the events in sorted order."""
        return np.flatnonzero(self.event > 0)

    @property
    def n_events(self) -> int:
        """Number of events."""
        return int(self.event.sum())


def arrange(time: FloatArray, event: FloatArray, strata: IntArray | None = None) -> RiskSets:
    """Sort patients by stratum and time and find each event's risk set.

    Parameters
    ----------
    time
        Follow-up, shape ``(n,)``, any unit, no NaN.
    event
        1.0 for an event, 0.0 for censored.
    strata
        Stratum of each patient; None for one.

    Returns
    -------
    RiskSets
        The arrangement. A patient censored at an event's time is still at risk then.

    Raises
    ------
    DesignError
        Without any event.
    """
    codes = np.zeros(time.size, dtype=np.int64) if strata is None else np.asarray(strata, np.int64)
    if not event.any():
        raise DesignError(
            "All patients are censored: without an event there is no hazard to model."
        )
    order = np.lexsort((-event, time, codes))
    time, event, codes = time[order], event[order], codes[order]
    new = np.r_[True, (np.diff(time) != 0) | (np.diff(codes) != 0)]
    begins, groups = np.flatnonzero(new), np.cumsum(new) - 1
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), time.size]
    at = np.flatnonzero(event > 0)
    n_tied = np.add.reduceat(event, begins)
    return RiskSets(
        order=order,
        event=event,
        time=time,
        stratum=codes,
        bounds=tuple(itertools.pairwise(edges)),
        begins=begins,
        first=begins[groups[at]],
        group=groups[at],
        fraction=(at - begins[groups[at]]) / n_tied[groups[at]],
    )
