"""Fit what a confidence means, and the least one that is called, on the tuning half of GSE131907.

    python scripts/calibrate_annotation.py

Prints the constants of ``src/turncoat/cells/calibration.py``. As in ``tune_annotation.py``, one
quarter of the donors teaches the T-cell reference and the other is annotated, and the reverse; each
cell is called at full depth and with a half and a quarter of its counts. Slope and intercept on the
logit are those of a logistic regression of "the call is right". The least confidence is the lowest,
in steps of 0.05, at which halving the counts changes at most 5 % of the calls, and at most 0.5 % to
another population. Takes about twenty seconds.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import logit
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
    for cells, donors in quarters():
        model = dataclasses.replace(fitted(cells, donors), calibration=AS_IT_IS, confidence=0.0)
        reader = model.prepare(cells.var_names)
        for share in DEPTHS:
            counts = thinned(cells.X, share, seed=7)
            arrays = (counts.data, counts.indices, counts.indptr)
            called = reader.call(*reader.probabilities(*arrays)).assign(share=share)
            called["true_lineage"] = cells.obs["cell_type"].astype(str).map(LINEAGE).to_numpy()
            states = cells.obs["cell_state"].astype(str)
            called["true_population"] = states.map(POPULATION).to_numpy(dtype=object)
            found.append(called)
    return pd.concat(found, ignore_index=True)


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
    meaning = Calibration(lineage, population)
    print(meaning, "in the source:", FITTED)
    print("least:", least_confidence(calls, meaning), "in the source:", FITTED_CONFIDENCE)


if __name__ == "__main__":
    main()
