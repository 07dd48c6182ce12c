"""Arms in words: ``"lgk974 5 mg/kg daily d14-28 + anti_pdl1 10 mg/kg q3d"``.

Each part names a drug, then in any order an amount with its unit, how often, which days,
and how long one dose takes. What is left out is the drug's usual dose and schedule, over
the whole study.
"""

import re
from dataclasses import dataclass

import numpy as np

from turncoat.errors import ArgumentError
from turncoat.simulate.schedule import Arm, Dose, Item, Knockout, Surgery, drugs, known_drug

CONTROL_WORDS = frozenset({"control", "vehicle", "untreated"})
UNITS = {"mg/kg": 1.0, "ug/kg": 1e-3, "µg/kg": 1e-3}
EVERY = {"daily": 1.0, "qd": 1.0, "weekly": 7.0, "qw": 7.0, "bid": 0.5}
TIMES = {"h": 1.0 / 24.0, "d": 1.0, "min": 1.0 / 1440.0}
EXAMPLE = "lgk974 5 mg/kg daily d14-28 + anti_pdl1 10 mg/kg q3d"

AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?)\s*((?:mg|ug|µg|g|mg/m2)(?:/\w+)?)(?=\s|$)")
WINDOW = re.compile(r"\bd(-?\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)?(?=\s|$)")
DAYS = re.compile(r"\bd(-?\d+(?:\.\d+)?(?:,d?\d+(?:\.\d+)?)*)(?=\s|$)")
INTERVAL = re.compile(r"\bq(\d+(?:\.\d+)?)([hd])(?=\s|$)")
OVER = re.compile(r"\bover\s+(\d+(?:\.\d+)?)\s*(min|h|d)(?=\s|$)")


def parse_arm(words: str, *, end: float, name: str | None = None) -> Arm:
    """Read an arm from words.

    Parameters
    ----------
    words
        Parts joined by ``+``; ``"control"`` alone for none.
    end
        Day on which the study ends: doses without a window go on until then.
    name
        Name of the arm; the words themselves by default.

    Returns
    -------
    Arm
        The arm.

    Raises
    ------
    ArgumentError
        When a part cannot be read; the message quotes it and shows an example.
    ModelError
        When doses are negative or overlap.

    Examples
    --------
    >>> arm = parse_arm("lgk974 5 mg/kg daily d14-17", end=40)
    >>> arm.items[0].days
    (14.0, 15.0, 16.0)
    """
    if not words.strip():
        raise ArgumentError(f"An arm is empty. Write 'control', or for example '{EXAMPLE}'.")
    parts = [part.strip() for part in re.split(r"\s\+\s|\s*\+\s+", words.strip())]
    shown = name or words.strip()
    if [part.lower() for part in parts if part.lower() in CONTROL_WORDS] and len(parts) == 1:
        return Arm(shown)
    return Arm(shown, tuple(_part(part, end) for part in parts))


@dataclass
class _Text:
    """What of a part has not been understood yet."""

    rest: str

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.search(self.rest)
        if found:
            self.rest = self.rest[: found.start()] + " " + self.rest[found.end() :]
        return found


def _part(part: str, end: float) -> Item:
    head, _, tail = part.partition(" ")
    drug = known_drug(head)
    kind = drugs().loc[drug, "kind"]
    text = _Text(tail.lower())
    item: Item
    if kind == "surgery":
        day = text.take(DAYS)
        if day is None:
            raise ArgumentError(f"'{part}' should name the day of surgery, as in 'mastectomy d30'.")
        item = Surgery(float(day[1]))
    elif kind == "knockout":
        item = _knockout(text)
    else:
        item = _dose(drug, text, part, end)
    if text.rest.strip():
        raise ArgumentError(
            f"In '{part}', '{text.rest.strip()}' was not understood. An arm reads like "
            f"'{EXAMPLE}': drug, amount in mg/kg, how often (daily, weekly, q3d), days "
            "(d14-28, d0,d7), and 'over 2h' for an infusion."
        )
    return item


def _knockout(text: _Text) -> Knockout:
    window = text.take(WINDOW)
    if window is None:
        return Knockout()
    return Knockout(start=float(window[1]), end=float(window[2] or "inf"))


def _dose(drug: str, text: _Text, part: str, end: float) -> Dose:
    amount = text.take(AMOUNT)
    if amount and amount[2] not in UNITS:
        raise ArgumentError(
            f"'{part}' gives a dose in {amount[2]}; the model takes mg/kg (or ug/kg)."
        )
    mg_per_kg = (
        float(amount[1]) * UNITS[amount[2]]
        if amount
        else float(str(drugs().loc[drug, "usual_dose"]))
    )
    over = text.take(OVER)
    duration = float(over[1]) * TIMES[over[2]] if over else 0.0
    return Dose(drug, mg_per_kg, _days(drug, text, part, end), duration)


def _days(drug: str, text: _Text, part: str, end: float) -> tuple[float, ...]:
    every = _interval(text)
    window = text.take(WINDOW)
    listed = None if window else text.take(DAYS)
    if listed is not None:
        if every is not None:
            raise ArgumentError(
                f"'{part}' lists days and says how often: give a window (d14-28) instead."
            )
        return tuple(float(day.lstrip("d")) for day in listed[1].split(","))
    if every is None:
        every = _interval(_Text(str(drugs().loc[drug, "usual_schedule"]))) or 1.0
    first, last = (float(window[1]), float(window[2] or end)) if window else (0.0, end)
    if last <= first:
        raise ArgumentError(f"In '{part}' the window ends before it begins: d{first:g}-{last:g}.")
    count = int(np.ceil((last - first) / every - 1e-9))
    return tuple(float(first + k * every) for k in range(count))


def _interval(text: _Text) -> float | None:
    found = text.take(INTERVAL)
    if found:
        return float(found[1]) * TIMES[found[2]]
    for word, days in EVERY.items():
        if text.take(re.compile(rf"\b{word}\b")):
            return days
    return None
