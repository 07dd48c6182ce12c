"""The picture of survival: Kaplan-Meier curves and numbers at risk."""

import numpy as np
import pandas as pd

from turncoat.tables import Column, FloatArray, TableSchema

CURVE = TableSchema(
    columns=(
        Column("time", "real", "months", "Time of a step."),
        Column("n_at_risk", "whole", "patients", "At risk just before."),
        Column("n_events", "whole", "patients", "Events then."),
        Column("survival", "real", "", "Share without the event after this time."),
        Column("low", "real", "", "Lower 95 % bound (log-log)."),
        Column("high", "real", "", "Upper 95 % bound (log-log)."),
    ),
    key=("time",),
)

#: Normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054


def kaplan_meier(time: FloatArray, event: FloatArray) -> pd.DataFrame:
    """Estimate the share without the event over time.

    Parameters
    ----------
    time, event
        Follow-up, and 1.0 for an event.

    Returns
    -------
    DataFrame
        One row per distinct time, with Greenwood intervals on the log-log scale.

    References
    ----------
    Kaplan and Meier (1958), JASA 53:457.

    Examples
    --------
    >>> kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0]))["survival"].tolist()
    [0.6666666666666667, 0.6666666666666667, 0.0]
    """
    stops = np.unique(time)
    at_risk = np.array([(time >= stop).sum() for stop in stops], dtype=np.int64)
    died = np.array([event[time == stop].sum() for stop in stops])
    survival = np.cumprod(1 - died / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(died / (at_risk * (at_risk - died)))
        spread = np.sqrt(greenwood) / np.abs(np.log(survival))
        low, high = (survival ** np.exp(sign * Z95 * spread) for sign in (1, -1))
    flat = (survival == 1) | (survival == 0)
    return CURVE.build(
        {
            "time": stops,
            "n_at_risk": at_risk,
            "n_events": died.astype(np.int64),
            "survival": survival,
            "low": np.where(flat, np.where(survival == 1, 1.0, np.nan), low),
            "high": np.where(flat, np.where(survival == 1, 1.0, np.nan), high),
        }
    )


def numbers_at_risk(
    time: FloatArray, at: FloatArray
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Count patients still followed at given times."""
    return np.array([(time >= stop).sum() for stop in at], dtype=np.int64)
