"""What is done to a mouse, and when: doses, infusions, knock-outs, surgery.

Windows are half-open: ``d14-28`` begins at day 14 and ends before day 28, so that windows
that follow each other neither overlap nor leave a gap.
"""

import functools
import itertools
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, ModelError, did_you_mean
from turncoat.simulate.engine.drive import ADD, FORCE, PARAMETER, SCALE_BY, Actions
from turncoat.simulate.engine.simulator import Simulator
from turncoat.simulate.mouse import MODEL
from turncoat.tables import Column, TableSchema

# What mastectomy takes out: the tumour and the immune cells in it.
REMOVED_BY_SURGERY = (
    "stem", "bulk", "dead", "nk_immature", "nk_mature", "treg_primary", "cd8_primary",
)  # fmt: skip


@functools.cache
def drugs() -> pd.DataFrame:
    """Every drug and procedure that an arm may name.

    Returns
    -------
    DataFrame
        One row per drug, indexed by its name.

    Examples
    --------
    >>> "lgk974" in drugs().index
    True
    """
    table = pd.read_csv(MODEL / "drugs.csv", dtype=str, keep_default_na=False)
    return table.set_index("drug", drop=False)


def known_drug(name: str, kind: str | None = None) -> str:
    """Find a drug's own name from its name or an alias.

    Raises
    ------
    ArgumentError
        When there is none; the message offers the nearest.

    Examples
    --------
    >>> known_drug("LGK-974")
    'lgk974'
    """
    table = drugs()
    lowered = name.lower()
    for drug, aliases, its_kind in zip(table.index, table["aliases"], table["kind"], strict=True):
        if lowered in (drug, *aliases.split()) and kind in (None, its_kind):
            return str(drug)
    raise ArgumentError(f"There is no drug '{name}'. {did_you_mean(name, table.index)}")


@dataclass(frozen=True, slots=True)
class Dose:
    """One drug given at some days, at once or over a time.

    Parameters
    ----------
    drug
        Name or alias.
    amount
        Dose in mg per kg of body weight, each time.
    days
        Days from the start.
    duration
        Days that each dose takes; 0 for a bolus.
    """

    drug: str
    amount: float
    days: tuple[float, ...]
    duration: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "drug", known_drug(self.drug, "dose"))
        if not (np.isfinite(self.amount) and self.amount >= 0):
            raise ModelError(f"A dose of {self.drug} should be 0 mg/kg or more; got {self.amount}.")
        if not (np.isfinite(self.duration) and self.duration >= 0):
            raise ModelError(f"A dose of {self.drug} cannot take {self.duration} days.")
        _check_days(self.drug, self.days, max(self.duration, 0.0))


@dataclass(frozen=True, slots=True)
class Knockout:
    """Wnt secretion removed from natural killer cells alone, within ``[start, end)``.

    Parameters
    ----------
    drug
        Name of the knock-out.
    start, end
        Days from the start of the experiment.
    """

    drug: str = "nk_wnt_ko"
    start: float = 0.0
    end: float = float("inf")

    def __post_init__(self) -> None:
        object.__setattr__(self, "drug", known_drug(self.drug, "knockout"))
        if not 0 <= self.start < self.end:
            raise ModelError(
                f"A knock-out should start at day 0 or later and end after it starts; got "
                f"{self.start} to {self.end}."
            )


@dataclass(frozen=True, slots=True)
class Surgery:
    """Mastectomy: the primary is cut to a residual that differs between mice.

    Parameters
    ----------
    day
        Days from the start of the experiment.
    drug
        Name of the operation.
    """

    day: float
    drug: str = "mastectomy"

    def __post_init__(self) -> None:
        _check_days("mastectomy", (self.day,), 0.0)


Item: TypeAlias = Dose | Knockout | Surgery


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a trial: its name and what is done in it.

    Parameters
    ----------
    name
        Shown in tables and figures.
    items
        Doses, knock-outs and surgery; none for the control.

    Raises
    ------
    ModelError
        When doses of one drug overlap.
    """

    name: str
    items: tuple[Item, ...] = field(default=())

    def __post_init__(self) -> None:
        for drug in {item.drug for item in self.items}:
            spans = sorted(
                span for item in self.items if item.drug == drug for span in _spans(item)
            )
            for (first, end), (second, _) in itertools.pairwise(spans):
                if second < end or second == first:
                    raise ModelError(
                        f"Arm '{self.name}' gives {drug} at day {second:g} while that of day "
                        f"{first:g} lasts: doses of one drug should not overlap."
                    )

    def actions(self, model: Simulator) -> Actions:
        """Write the arm as actions at break-points of the shipped model."""
        rows = [row for item in self.items for row in _rows(item, model)]
        # At one time, what ends comes before what begins.
        rows.sort(key=lambda row: row[:2])
        columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
        return Actions(
            np.array(columns[0], dtype=float),
            np.array(columns[2], dtype=np.int64),
            np.array(columns[3], dtype=np.int64),
            np.array(columns[4], dtype=float),
        )

    def ledger(self) -> pd.DataFrame:
        """Tabulate every dose given: day, drug, amount, duration, route in the model."""
        rows = [
            {"day": day, "drug": item.drug, "amount": item.amount, "duration": item.duration}
            for item in self.items
            if isinstance(item, Dose)
            for day in item.days
        ]
        return LEDGER.build(rows).sort_values(["day", "drug"], ignore_index=True)


LEDGER = TableSchema(
    columns=(
        Column("day", "real", "day", "When the dose begins."),
        Column("drug", "text", "", "What is given."),
        Column("amount", "real", "mg/kg", "How much, in all."),
        Column("duration", "real", "day", "How long it takes; 0 for a bolus."),
    ),
    key=("day", "drug"),
)


def _check_days(drug: str, days: tuple[float, ...], duration: float) -> None:
    if not days:
        raise ModelError(f"{drug} is given on no day.")
    if not all(np.isfinite(day) and day >= 0 for day in days):
        raise ModelError(f"{drug} should be given at day 0 or later; got {list(days)}.")
    ordered = sorted(days)
    for first, second in itertools.pairwise(ordered):
        if second < first + duration or second == first:
            raise ModelError(
                f"Doses of {drug} overlap: day {second:g} comes while that of day {first:g} lasts."
            )


def _spans(item: Item) -> list[tuple[float, float]]:
    if isinstance(item, Dose):
        return [(day, day + item.duration) for day in item.days]
    if isinstance(item, Knockout):
        return [(item.start, item.end)]
    return [(item.day, item.day)]


Row: TypeAlias = tuple[float, int, int, int, float]


def _rows(item: Item, model: Simulator) -> list[Row]:
    """Give actions as (time, 0 for an end or 1 for a beginning, kind, target, value)."""
    target = str(drugs().loc[item.drug, "target"])
    if isinstance(item, Surgery):
        residual = float(model.constant(target))
        return [(item.day, 1, SCALE_BY, model.state(name), residual) for name in REMOVED_BY_SURGERY]
    if isinstance(item, Knockout):
        position = model.constant(target)
        rows: list[Row] = [(item.start, 1, PARAMETER, position, 0.0)]
        if np.isfinite(item.end):
            rows.append((item.end, 0, PARAMETER, position, 1.0))
        return rows
    state = model.state(target)
    if item.duration == 0:
        return [(day, 1, ADD, state, item.amount) for day in item.days]
    rate = item.amount / item.duration
    begins: list[Row] = [(day, 1, FORCE, state, rate) for day in item.days]
    return begins + [(day + item.duration, 0, FORCE, state, -rate) for day in item.days]
