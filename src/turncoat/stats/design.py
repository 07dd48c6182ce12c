"""Covariates as columns of a design, and in words what they leave untestable."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import DesignError, DesignWarning, warn
from turncoat.stats.units import Units
from turncoat.tables import FloatArray

TOLERANCE = 1e-9


def covariate_columns(table: pd.DataFrame, names: Sequence[str], units: Units) -> FloatArray:
    """Turn covariates into columns: numbers centred, categories as indicators.

    Parameters
    ----------
    table
        One row per unit.
    names
        Columns to adjust for.
    units
        The donors as arranged.

    Returns
    -------
    FloatArray
        Shape ``(n_units, n_columns)``; no columns where no covariate varies within strata. One that
        others say already is left out, with a warning that names it and its donors.

    Raises
    ------
    DesignError
        When a value is missing, when the covariates decide the arm (nothing is then left to
        test), or when they leave no donors to estimate the spread from.
    """
    columns, labels = [], []
    for name in names:
        for label, column in _columns_of(table[name], name, units):
            if np.ptp(column) > 0:
                columns.append(column)
                labels.append(label)
    if not columns:
        return np.zeros((len(table), 0))
    return _independent(np.column_stack(columns), labels, units)


def _columns_of(values: "pd.Series[Any]", name: str, units: Units) -> list[tuple[str, FloatArray]]:
    missing = [d for d, gone in zip(units.donors, absent(values), strict=True) if gone]
    if missing:
        raise DesignError(
            f"The covariate '{name}' is missing for {_some(missing)}. Fill it in, leave these "
            "donors out, or do not adjust for it."
        )
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            raise DesignError(f"The covariate '{name}' has values that are not finite.")
        return [(name, numbers - numbers.mean())]
    text = values.astype(str)
    levels = sorted(set(text))
    member = {level: np.array(text == level, dtype=float) for level in levels[1:]}
    return [(f"{name}={level}", column) for level, column in member.items()]


def absent(values: "pd.Series[Any]") -> "pd.Series[bool]":
    """Tell which values are missing: none at all, or the empty text that a file keeps of none.

    Examples
    --------
    >>> list(absent(pd.Series(["a", None, ""])))
    [False, True, True]
    """
    return values.isna() | (values.astype(str).str.strip() == "")


def _independent(columns: FloatArray, labels: list[str], units: Units) -> FloatArray:
    strata = stratum_columns(units)
    kept: list[int] = []
    for place in range(columns.shape[1]):
        if _rest(columns[:, place], np.hstack([strata, columns[:, kept]])) > TOLERANCE:
            kept.append(place)
        else:
            _tell_repeated(columns[:, place], labels[place], [labels[k] for k in kept], units)
    base = np.hstack([strata, columns[:, kept]])
    arm = units.case.astype(float)
    if _rest(arm, base) <= TOLERANCE:
        raise DesignError(_why_confounded(columns[:, kept], [labels[k] for k in kept], units))
    free = len(arm) - base.shape[1] - 1
    if free < 1:
        raise DesignError(
            f"{len(arm)} values of {units.n_donors} donors cannot carry {base.shape[1] + 1} "
            f"columns ({_some(labels)} among them): no spread is left. Drop covariates."
        )
    return columns[:, kept]


def _tell_repeated(column: FloatArray, label: str, kept: list[str], units: Units) -> None:
    if _rest(column, stratum_columns(units)) <= TOLERANCE:
        return  # the same within every pair or block: the comparison has seen to it
    raised = [d for d, yes in zip(units.donors, column > column.min(), strict=True) if yes]
    warn(
        f"The covariate '{label}', which sets {_some(raised)} apart, says what {_some(kept)} say "
        "already: it is left out, and the test is the same without it.",
        DesignWarning,
    )


def _rest(column: FloatArray, base: FloatArray) -> float:
    fitted = base @ np.linalg.lstsq(base, column, rcond=None)[0]
    scale = float((column**2).sum()) or 1.0
    return float(((column - fitted) ** 2).sum()) / scale


def _why_confounded(columns: FloatArray, labels: list[str], units: Units) -> str:
    strata = stratum_columns(units)
    arm = units.case.astype(float)
    for column, label in zip(columns.T, labels, strict=True):
        if _rest(arm, np.hstack([strata, column[:, np.newaxis]])) <= TOLERANCE:
            raised = column > column.min()
            donors = _some([d for d, yes in zip(units.donors, raised, strict=True) if yes])
            side = "case" if units.case[raised].all() else "reference"
            return (
                f"The covariate '{label}' and the contrast say the same: it sets {donors} apart, "
                f"who are the {side} donors. What is due to either cannot be told."
            )
    return (
        f"The covariates {', '.join(labels)} together decide which donors are cases. What is due "
        "to either cannot be told."
    )


def why_not_exchangeable(units: Units) -> str:
    """Say in words that no stratum holds both arms; nothing where one does."""
    if units.n_arrangements > 1:
        return ""
    cases = [donor for donor, yes in zip(units.donors, units.case, strict=True) if yes]
    others = [donor for donor, yes in zip(units.donors, units.case, strict=True) if not yes]
    return (
        f"The blocks and the contrast say the same: no block holds donors of both arms ({_some(cases)} "
        f"are cases, {_some(others)} are references). What is due to either cannot be told."
    )


def is_estimable(units: Units, covariates: FloatArray) -> bool:
    """Tell whether strata and covariates leave the arm, and some spread, to be told."""
    base = np.hstack([stratum_columns(units), covariates])
    free = len(base) - int(np.linalg.matrix_rank(base)) - 1
    return free >= 1 and _rest(units.case.astype(float), base) > TOLERANCE


def _some(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - 5} more" if len(unique) > 5 else ""
    return f"{', '.join(unique[:5])}{more}"


def stratum_columns(units: Units) -> FloatArray:
    """Make an indicator of each stratum, shape ``(n_units, n_strata)``."""
    indicators: FloatArray = np.eye(int(units.stratum.max(initial=0)) + 1)[units.stratum]
    return indicators
