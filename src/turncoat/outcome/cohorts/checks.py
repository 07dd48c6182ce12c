"""Checks on follow-up and names, with errors that say what to change in the TOML file."""

from typing import Final

import numpy as np
import pandas as pd

from turncoat.errors import DesignWarning, StudyError, warn
from turncoat.outcome.cohorts.declaration import MONTHS_PER_UNIT, Declaration
from turncoat.tables import FloatArray, IntArray

#: No clinical follow-up is longer (months): 60 years.
LONGEST_FOLLOW_UP: Final = 720.0
#: A cohort whose longest follow-up is shorter (months) was probably declared in a wrong unit.
SHORTEST_FOLLOW_UP: Final = 18.0


def months_of(declared: Declaration, values: "pd.Series[str]") -> FloatArray:
    """Turn the time column into months, refusing times that cannot be.

    Raises
    ------
    StudyError
        When a time is not a number, not above zero, or longer than a life.
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    where = f"cohort '{declared.name}', column '{declared.time}'"
    if np.isnan(numbers).any():
        odd = sorted({str(v) for v in values[np.isnan(numbers)]})[:5]
        raise StudyError(f"In {where}, times should be numbers; found {odd}.")
    if (numbers <= 0).any():
        patients = list(values.index[numbers <= 0])[:5]
        raise StudyError(
            f"In {where}, times must be above zero; {int((numbers <= 0).sum())} are not, "
            f"smallest {numbers.min():g} (patients {patients}). Correct or leave out these patients."
        )
    months = numbers * MONTHS_PER_UNIT[declared.unit]
    longest = float(months.max())
    if longest > LONGEST_FOLLOW_UP:
        raise StudyError(
            f"In {where}, unit '{declared.unit}' makes the longest follow-up {longest / 12:.0f} years. "
            f"Is 'endpoint.unit' really '{declared.unit}', not '{_smaller(declared.unit)}'?"
        )
    if longest < SHORTEST_FOLLOW_UP:
        warn(
            f"In {where}, unit '{declared.unit}' makes the longest follow-up only {longest:.1f} months. "
            "Check 'endpoint.unit': times in years read as months look like this.",
            DesignWarning,
        )
    return months


def _smaller(unit: str) -> str:
    return {"years": "months", "months": "days", "weeks": "days"}.get(unit, unit)


def causes_of(declared: Declaration, values: "pd.Series[str]") -> IntArray:
    """Turn the event column into 0 censored, 1 event, 2 competing.

    Raises
    ------
    StudyError
        When a value is none of the declared ones (events coded 1 and 2, say).
    """
    meanings = {
        **dict.fromkeys(declared.censored_values, 0),
        **dict.fromkeys(declared.event_values, 1),
        **dict.fromkeys(declared.competing_values, 2),
    }
    plain = values.map(_plain_number)
    unknown = sorted(set(plain) - set(meanings))
    if unknown:
        raise StudyError(
            f"Cohort '{declared.name}', column '{declared.event}' holds {unknown[:5]}, which the TOML "
            f"file does not explain: event_values = {list(declared.event_values)}, censored_values = "
            f"{list(declared.censored_values)}. Set them (events coded 1/2 need event_values = ['2'], "
            "censored_values = ['1'])."
        )
    return plain.map(meanings).to_numpy(dtype=np.int64)


def _plain_number(value: str) -> str:
    """Write ``1.0`` as ``1``, so that 0/1 columns read as real numbers still match."""
    text = value.strip()
    return text.removesuffix(".0")


def refuse_duplicates(name: str, what: str, names: "pd.Index[str]") -> None:
    """Refuse names that occur twice.

    Raises
    ------
    StudyError
        With the first few of them.
    """
    repeated = sorted({str(each) for each in names[names.duplicated()]})
    if repeated:
        raise StudyError(
            f"Cohort '{name}': {what} must be unique; {len(repeated)} occur more than once: {repeated[:5]}."
        )


def refuse_same_profiles(name: str, expression: FloatArray, patients: "list[str]") -> None:
    """Refuse two patients with identical expression: one tumour entered twice.

    Raises
    ------
    StudyError
        With the pair.
    """
    seen: dict[bytes, str] = {}
    for row, patient in zip(np.ascontiguousarray(expression), patients, strict=True):
        first = seen.setdefault(row.tobytes(), patient)
        if first != patient:
            raise StudyError(
                f"Cohort '{name}': patients '{first}' and '{patient}' have identical expression; "
                "leave one out."
            )
