"""How single values look in a table: few digits, honest gaps, a raw value to sort by."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from turncoat.report.section import Table

#: Marks that carry a verdict without colour. The shape is the message, the colour repeats it.
MARKS = {
    "switched": "▲",
    "loyal": "●",
    "inconclusive": "◇",
    "not testable": "–",
    "heard": "▲",
    "silent": "●",
    "opposite": "▼",
    "worse": "▲",
    "better": "▼",
    "no association": "●",
    "cannot tell": "◇",
}

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell: what is read, what is sorted by, and how it is set."""

    text: str
    sort: str
    kind: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect with its interval, for one cell of a table; sorted by the effect."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The effect, and in brackets the ends of its interval."""
        value, low, high = (number(x, digits=2) for x in (self.value, self.low, self.high))
        return value if MISSING in (low, high) else f"{value} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Head:
    """One column head with the unit and meaning that the schema declares."""

    name: str
    label: str
    unit: str
    meaning: str
    numeric: bool


def number(value: float, *, digits: int = 3) -> str:
    """Write a number with few significant digits, as a reader would.

    Examples
    --------
    >>> [number(x) for x in (0.0312, 12.0, 0.00004, 15234.0, float("nan"))]
    ['0.0312', '12', '4e-05', '15,234', '–']
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size < 0.0001:
        return f"{value:.0e}".replace("-", "−", 1) if value < 0 else f"{value:.0e}"
    text = f"{value:,.0f}" if size >= 1000 or float(value).is_integer() else _short(value, digits)
    return text.replace("-", "−")


def signed(value: float) -> str:
    """Write a change with its sign, two digits after the point.

    Examples
    --------
    >>> signed(-0.504), signed(1.0)
    ('−0.50', '+1.00')
    """
    return f"{value:+.2f}".replace("-", "−")


def _short(value: float, digits: int) -> str:
    # Below 0.01 two digits say all that a p-value can.
    return f"{value:.{2 if abs(value) < 0.01 else digits}g}"


def word(value: str) -> str:
    """Write a code value as words.

    Examples
    --------
    >>> word("not_testable")
    'not testable'
    """
    return value.replace("_", " ")


def mark_of(verdict: str) -> str:
    """Give the mark that carries a verdict without colour; empty where there is none."""
    return MARKS.get(word(verdict), "")


def cell_of(value: object, *, verdict: bool = False) -> Cell:
    """Set one value of a table."""
    if isinstance(value, Estimate):
        return Cell(value.text, "" if math.isnan(value.value) else repr(value.value), "estimate")
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", str(int(value)), "flag")
    if isinstance(value, int | np.integer):
        return Cell(f"{int(value):,}", str(int(value)), "number")
    if isinstance(value, float | np.floating):
        # Gaps sort last, whichever way the column is sorted.
        raw = "" if math.isnan(float(value)) else repr(float(value))
        return Cell(number(float(value)), raw, "number")
    text = str(value)
    if verdict:
        shown = word(text)
        return Cell(shown, shown, f"verdict v-{shown.replace(' ', '-')}", mark_of(shown))
    return Cell(text, text.lower(), "text")


def head_of(table: "Table", name: Hashable) -> Head:
    """Set one column head."""
    declared = {column.name: column for column in table.schema.columns} if table.schema else {}
    column = declared.get(str(name))
    values = table.frame[name]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    numeric = numeric or (len(values) > 0 and all(isinstance(v, Estimate) for v in values))
    return Head(
        str(name),
        word(str(name)),
        column.unit if column else "",
        column.meaning if column else "",
        numeric,
    )


def _worded(frame: pd.DataFrame, name: Hashable) -> "list[object]":
    """Give a column's values; a status is a code and is read as words."""
    values = list(frame[name])
    return [word(str(value)) for value in values] if name == "status" else values


def rows_of(table: "Table") -> list[list[Cell]]:
    """Set all rows of a table."""
    names = list(table.frame.columns)
    columns = [
        [cell_of(value, verdict=name in table.verdicts) for value in _worded(table.frame, name)]
        for name in names
    ]
    return [list(row) for row in zip(*columns, strict=True)]
