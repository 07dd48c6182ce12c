"""One drug over a grid of doses and intervals, in the same mice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.simulate.schedule import Arm, Dose, known_drug
from turncoat.simulate.trial import DEFAULT_DAYS, trial
from turncoat.tables import Column, TableSchema


@dataclass(frozen=True, slots=True)
class DoseGrid:
    """What :func:`turncoat.sim.dose_grid` found."""

    table: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("dose", "real", "mg/kg", "Amount of each dose."),
            Column("interval", "real", "day", "Days between doses."),
            Column("total", "real", "mg/kg", "Amount given in all."),
            Column("change", "real", "log2 ratio", "Median final volume against control."),
            Column("low", "real", "log2 ratio", "Tenth percentile of mice."),
            Column("high", "real", "log2 ratio", "Ninetieth percentile of mice."),
        ),
        key=("dose", "interval"),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)


def dose_grid(
    context: str,
    drug: str,
    *,
    doses: Sequence[float],
    intervals: Sequence[float],
    start: float = 14.0,
    days: float = DEFAULT_DAYS,
    n_mice: int = 200,
    seed: int = 0,
    threads: int | None = 1,
) -> DoseGrid:
    """Try every dose with every interval of one drug in the same virtual mice.

    Parameters
    ----------
    context
        Tumour model.
    drug
        Name or alias.
    doses
        Amounts, mg/kg.
    intervals
        Days between doses.
    start
        Day of the first dose.
    days
        Length of the study.
    n_mice
        Virtual mice.
    seed
        Seed.
    threads
        Threads; None for one per core.

    Returns
    -------
    DoseGrid
        Median change of volume and its spread, per dose and interval.

    Raises
    ------
    ArgumentError
        When there is nothing to try or an interval is not positive.

    Examples
    --------
    >>> import turncoat as tc
    >>> grid = tc.sim.dose_grid("thacker", "lgk974", doses=[1, 5], intervals=[1], n_mice=3)
    >>> len(grid.table)
    2
    """
    if not doses or not intervals or min(intervals) <= 0 or start >= days:
        raise ArgumentError(
            "A dose grid needs doses, intervals above 0 days, and a start before the last day."
        )
    name = known_drug(drug, "dose")
    pairs = [(float(dose), float(step)) for dose in doses for step in intervals]
    given = [tuple(float(t) for t in np.arange(start, days, step)) for _, step in pairs]
    arms = [Arm("control")] + [
        Arm(f"{dose:g} mg/kg every {step:g} d", (Dose(name, dose, when),))
        for (dose, step), when in zip(pairs, given, strict=True)
    ]
    found = trial(context, arms, n_mice, seed, days=days, keep_curves=False, threads=threads)
    rows = []
    for (dose, step), when, arm in zip(pairs, given, arms[1:], strict=True):
        change = found.in_arm(arm.name)["change"].dropna()
        low, middle, high = np.quantile(change, [0.1, 0.5, 0.9])
        rows.append(
            {"dose": dose, "interval": step, "total": dose * len(when), "change": middle,
             "low": low, "high": high}
        )  # fmt: skip
    params = {"context": context, "drug": name, "n_mice": n_mice, "seed": seed, "days": days}
    return DoseGrid(DoseGrid.schema.build(rows), params)
