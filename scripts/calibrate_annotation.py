"""Fit what a confidence means, and the least one that is called, on the tuning half of GSE131907.

    python scripts/calibrate_annotation.py

Prints the constants of ``src/turncoat/cells/calibration.py``. As in ``tune_annotation.py``, one
quarter of the donors teaches the T-cell reference and the other is annotated, and the reverse; each
cell is called at full depth and with a half and a quarter of its counts. Slope and intercept on the
logit are those of a logistic regression of "the call is right". The least confidence is the lowest,
in steps of 0.05, at which halving the counts changes at most 5 % of the calls, and at most 0.5 % to
another population. Other shapes of the curve (beta, isotonic, a line for each lineage) are fitted on one
quarter and judged on the other, for comparison. Takes about half a minute.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit
from tune_annotation import DEPTHS, LINEAGE, POPULATION, fitted, quarters, thinned

from turncoat.cells.calibration import AS_IT_IS, EDGE, FITTED, FITTED_CONFIDENCE, Calibration

MOST_CHANGED, MOST_OTHER = 0.05, 0.005


def platt(probability: Any, right: Any) -> tuple[float, float]:
    """Slope and intercept of the chance to be right on the logit of the probability."""
    at = logit(np.clip(probability, EDGE, 1 - EDGE))
    sign = np.where(right, 1.0, -1.0)

    def loss(line: Any) -> float:
        return float(np.logaddexp(0, -sign * (line[0] * at + line[1])).mean())

    slope, intercept = minimize(loss, [1.0, 0.0]).x
    return round(float(slope), 3), round(float(intercept), 3)


def collect() -> pd.DataFrame:
    """Call every tuning cell at every depth, uncalibrated."""
    found = []
    for quarter, (cells, donors) in enumerate(quarters()):
        model = dataclasses.replace(fitted(cells, donors), calibration=AS_IT_IS, confidence=0.0)
        reader = model.prepare(cells.var_names)
        for share in DEPTHS:
            counts = thinned(cells.X, share, seed=7)
            arrays = (counts.data, counts.indices, counts.indptr)
            called = reader.call(*reader.probabilities(*arrays)).assign(
                share=share, quarter=quarter
            )
            called["true_lineage"] = cells.obs["cell_type"].astype(str).map(LINEAGE).to_numpy()
            states = cells.obs["cell_state"].astype(str)
            called["true_population"] = states.map(POPULATION).to_numpy(dtype=object)
            found.append(called)
    return pd.concat(found, ignore_index=True)


def beta(probability: Any, right: Any) -> Any:
    """Beta calibration (Kull et al. 2017), kept from falling."""
    sign = np.where(right, 1.0, -1.0)

    def at(inside: Any, line: Any) -> Any:
        low, high = np.log(inside), -np.log1p(-inside)
        return np.exp(line[0]) * low + np.exp(line[1]) * high + line[2]

    def loss(line: Any) -> float:
        return float(np.logaddexp(0, -sign * at(probability, line)).mean())

    line = minimize(loss, [0.0, 0.0, 0.0]).x
    return lambda other: expit(at(other, line))


def isotonic(probability: Any, right: Any) -> Any:
    """The best curve that never falls."""
    order = np.argsort(probability)
    level = isotonic_regression(right[order].astype(float)).x
    return lambda other: np.interp(other, probability[order], level)


def line_of(probability: Any, right: Any) -> Any:
    slope, intercept = platt(probability, right)
    return lambda other: expit(slope * logit(other) + intercept)


def compare_shapes(calls: pd.DataFrame) -> None:
    """Print the log-loss of each shape on the quarter that it was not fitted on."""
    inside = np.clip(calls["confidence"].to_numpy(), EDGE, 1 - EDGE)
    right = (calls["guess"] == calls["true_population"]).to_numpy()
    quarter, lineage = calls["quarter"].to_numpy(), calls["lineage"].astype(str).to_numpy()
    groups = np.where(np.isin(lineage, ["T", "Myeloid"]), lineage, "other")
    for name, fit in (("line", line_of), ("beta", beta), ("isotonic", isotonic)):
        for apart in (False, True):
            if apart and name != "line":
                continue
            lost = []
            for asked in (0, 1):
                for group in np.unique(groups) if apart else [None]:
                    own = groups == group if apart else np.ones(right.size, dtype=bool)
                    curve = fit(inside[own & (quarter != asked)], right[own & (quarter != asked)])
                    rows = own & (quarter == asked)
                    said = np.clip(curve(inside[rows]), 1e-3, 1 - 1e-3)
                    lost.append((asked, -np.log(np.where(right[rows], said, 1 - said))))
            means = [np.concatenate([x for q, x in lost if q == k]).mean() for k in (0, 1)]
            print(f"{name}{', by lineage' if apart else ''}: log-loss {np.mean(means):.4f}")


def least_confidence(calls: pd.DataFrame, meaning: Calibration) -> float:
    """Lowest confidence that obeys the law of depth."""
    sure = meaning.of_population(calls["confidence"].to_numpy())
    parts = {share: (calls["share"] == share).to_numpy() for share in (1.0, 0.5)}
    deep, shallow = (calls.loc[rows, "guess"].to_numpy() for rows in parts.values())
    deep_sure, shallow_sure = (sure[rows] for rows in parts.values())
    for least in np.arange(0.5, 0.96, 0.05):
        called = deep_sure >= least
        other = called & (shallow_sure >= least) & (deep != shallow)
        changed = other | (called & (shallow_sure < least))
        stated = (
            f"changed {changed.sum() / called.sum():.4f}, other {other.sum() / called.sum():.4f}"
        )
        print(f"least {least:.2f}: {stated}")
        if (
            changed.sum() <= MOST_CHANGED * called.sum()
            and other.sum() <= MOST_OTHER * called.sum()
        ):
            return round(float(least), 2)
    return 0.95


def main() -> None:
    warnings.simplefilter("ignore")
    calls = collect()
    lineage = platt(calls["lineage_confidence"], calls["lineage"] == calls["true_lineage"])
    known = calls[calls["true_population"].notna()]
    population = platt(known["confidence"], known["guess"] == known["true_population"])
    compare_shapes(known)
    meaning = Calibration(lineage, population)
    print(meaning, "in the source:", FITTED)
    print("least:", least_confidence(calls, meaning), "in the source:", FITTED_CONFIDENCE)


if __name__ == "__main__":
    main()
