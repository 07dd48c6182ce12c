"""Scores of decoupler's univariate linear model on drawn counts: ``python make_ulm.py`` with decoupler."""

import json
from importlib.metadata import version
from pathlib import Path

import decoupler as dc
import numpy as np
import pandas as pd

SYMBOLS = Path(__file__).with_name("symbols.txt").read_text(encoding="utf-8").split()
rng = np.random.default_rng(20)
counts = rng.negative_binomial(1.0, 0.4, (40, len(SYMBOLS))) * (
    rng.random((40, len(SYMBOLS))) < 0.4
)
logs = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
sets = {
    f"set{k}": {
        str(gene): float(weight)
        for gene, weight in zip(
            rng.choice(SYMBOLS, 12, replace=False),
            rng.choice([-1.0, 0.5, 1.0, 2.0], 12),
            strict=True,
        )
    }
    for k in range(5)
}
net = pd.DataFrame(
    [(name, gene, weight) for name, members in sets.items() for gene, weight in members.items()],
    columns=["source", "target", "weight"],
)
scores, _ = dc.mt.ulm(data=pd.DataFrame(logs, columns=SYMBOLS), net=net, tmin=2)
Path(__file__).with_name("ulm.json").write_text(
    json.dumps(
        {
            "made_by": {name: version(name) for name in ("decoupler", "numpy", "pandas")},
            "genes": SYMBOLS,
            "counts": counts.tolist(),
            "sets": sets,
            "scores": scores[list(sets)].to_numpy().round(9).tolist(),
        }
    )
    + "\n",
    encoding="utf-8",
)
