"""Antagonists and decoys that rise beside a ligand: what speaks against its gain."""

from typing import Any

import numpy as np
import pandas as pd

from turncoat.crosstalk.labels import labelled
from turncoat.crosstalk.pairs import SUBUNITS
from turncoat.crosstalk.tissue import TissueResult
from turncoat.stats.multiplicity import benjamini_hochberg


def rising_antagonists(ligand: pd.Categorical, found: TissueResult) -> dict[str, Any]:
    """Give each edge the antagonist of its ligand that rises most surely.

    Returns
    -------
    dict
        Name, change and q-value of the antagonist, by column; empty and NaN where none rises.
    """
    names = sorted(set(found.antagonists["antagonist"]))
    change = dict(zip(names, found.antagonist_change.change, strict=True))
    pvalue = dict(zip(names, found.antagonist_change.pvalue, strict=True))
    against: dict[str, list[str]] = {}
    for each, name in zip(
        found.antagonists["ligand"], found.antagonists["antagonist"], strict=True
    ):
        against.setdefault(str(each), []).append(name)
    rising: dict[str, tuple[str, float, float]] = {}
    for each, listed in against.items():
        # Only its own antagonists speak against a ligand: they are the family to correct for.
        own = dict.fromkeys(listed)
        adjusted = benjamini_hochberg(np.array([pvalue[name] for name in own]))
        qvalue = dict(zip(own, adjusted, strict=True))
        up = [name for name in own if np.isfinite(qvalue[name]) and change[name] > 0]
        best = min(up, key=lambda name: (qvalue[name], pvalue[name]), default="")
        rising[each] = (best, change.get(best, np.nan), qvalue.get(best, np.nan))
    nothing = ("", np.nan, np.nan)
    chosen = [
        min(
            (rising.get(part, nothing) for part in str(one).split(SUBUNITS)),
            key=lambda each: np.inf if np.isnan(each[2]) else each[2],
        )
        for one in ligand.categories
    ]
    return {
        "antagonist": labelled([each[0] for each in chosen], ligand.codes),
        "antagonist_change": np.array([each[1] for each in chosen], dtype=np.float64)[ligand.codes],
        "antagonist_qvalue": np.array([each[2] for each in chosen], dtype=np.float64)[ligand.codes],
    }
