"""The shipped mouse: its compiled model, its parameters with their sources, its contexts."""

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, ModelError, did_you_mean
from turncoat.simulate.engine.form import from_json
from turncoat.simulate.engine.simulator import Simulator
from turncoat.tables import FloatArray

ROOM = Path(__file__).parent
MODEL = ROOM / "model"
REFERENCE_CONTEXT = "thacker"
# Size at which an error of a state begins to matter, in its unit, per unit of relative
# tolerance. Circulating cells are few and drive the metastases; of the primary, ten thousand
# cells are little. Drugs peak at 1 to 10 mg/kg and still act at a thousandth of that.
SCALES = {"circulating": 1e-6, "met_node": 1e-4, "met_lung": 1e-4}
DRUGS = ("lgk", "dox", "ptx", "antipdl1", "antink", "anticd25", "diphtheria")
CELL_SCALE, DRUG_SCALE = 0.01, 0.003


@functools.cache
def mouse() -> Simulator:
    """Load the shipped model; its compiled code is kept on disk between sessions."""
    text = (MODEL / "turncoat.json").read_text(encoding="utf-8")
    return Simulator(from_json(text), ROOM / "generated" / "turncoat.py", physical=True)


@functools.cache
def tolerances(rtol: float = 1e-6) -> FloatArray:
    """Absolute tolerance of each state of the shipped model at a relative one."""
    scales = []
    for name in mouse().form.state_names:
        is_drug = name.split("_")[0] in DRUGS
        scales.append(SCALES.get(name, DRUG_SCALE if is_drug else CELL_SCALE))
    return rtol * np.array(scales)


@functools.cache
def parameters() -> pd.DataFrame:
    """Every parameter and initial state: value, unit, prior, spread, range, status, source.

    Returns
    -------
    DataFrame
        One row per parameter.

    Examples
    --------
    >>> "source" in parameters().columns
    True
    """
    table = pd.read_csv(MODEL / "parameters.csv", keep_default_na=False)
    numbers = ["value", "sigma", "translation_sigma", "low", "high"]
    table[numbers] = table[numbers].astype(float)
    return table


@functools.cache
def contexts() -> pd.DataFrame:
    """In what each context differs from the reference one, and why.

    Returns
    -------
    DataFrame
        One row per context and parameter.

    Examples
    --------
    >>> sorted(set(contexts()["context"]) & {"kep", "4t1"})
    ['4t1', 'kep']
    """
    with (MODEL / "contexts.csv").open(encoding="utf-8", newline="") as file:
        return pd.DataFrame(list(csv.DictReader(file))).astype({"value": float})


def context_names() -> list[str]:
    """Names of the contexts; the first is the one that ``parameters.csv`` describes."""
    return [REFERENCE_CONTEXT, *dict.fromkeys(contexts()["context"])]


def context_values(context: str) -> dict[str, float]:
    """Parameters that a context sets.

    Raises
    ------
    ArgumentError
        When there is no such context.

    Examples
    --------
    >>> context_values("thacker")
    {}
    """
    if context not in context_names():
        raise ArgumentError(
            f"There is no context '{context}'. {did_you_mean(context, context_names())}"
        )
    table = contexts()
    chosen = table[table["context"] == context]
    return dict(zip(chosen["parameter"], chosen["value"].astype(float), strict=True))


def values(context: str, changes: Mapping[str, float] | None = None) -> dict[str, float]:
    """Value of every parameter and initial state in a context, with changes checked.

    Parameters
    ----------
    context
        One of :func:`context_names`.
    changes
        Parameters to set otherwise, in the units of :func:`parameters`.

    Returns
    -------
    dict of str to float
        Values by name.

    Raises
    ------
    ModelError
        When a change names no parameter or leaves its range.
    """
    table = parameters()
    names = [str(name) for name in table["name"]]
    found = dict(zip(names, table["value"].astype(float), strict=True)) | context_values(context)
    ranges = dict(zip(names, table[["low", "high"]].to_numpy(float), strict=True))
    units = dict(zip(names, table["unit"], strict=True))
    for name, value in (changes or {}).items():
        if name not in ranges:
            raise ModelError(f"There is no parameter '{name}'. {did_you_mean(name, names)}")
        low, high = ranges[name]
        if not low <= value <= high:
            raise ModelError(
                f"Parameter '{name}' should lie between {low:g} and {high:g} {units[name]}; got {value}."
            )
        found[name] = float(value)
    return found
