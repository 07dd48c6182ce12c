"""Train a CellTypist model on half of the donors of the built-in study, and keep what it says.

    python make.py CELLS.h5ad [MODEL.pkl]

In an environment with celltypist (see session.txt); CELLS.h5ad is ``turncoat.ds.lung_niches()`` as
float32 counts with the columns donor and cell_type. The model learns from every second donor in
alphabetical order; kept are its arrays, exported by the line that turncoat's refusal of a pickle
shows, and CellTypist's own probabilities of every tenth cell of the other donors.
"""

import sys
from pathlib import Path

import anndata as ad
import celltypist
import numpy as np
import scanpy as sc

HERE = Path(__file__).parent
cells = ad.read_h5ad(sys.argv[1])
donors = sorted(cells.obs["donor"].astype(str).unique())
taught = cells.obs["donor"].astype(str).isin(donors[::2]).to_numpy()
if len(sys.argv) < 3:
    known = cells[taught].copy()
    sc.pp.normalize_total(known, target_sum=1e4)
    sc.pp.log1p(known)
    trained = celltypist.train(
        known, labels="cell_type", feature_selection=True, top_genes=40, max_iter=200, n_jobs=1
    )
    trained.write("model.pkl")
model = sys.argv[2] if len(sys.argv) > 2 else "model.pkl"

# The line of the refusal, as it stands there.
m = celltypist.models.Model.load(model)
np.savez_compressed(
    HERE / "model.npz", coef=m.classifier.coef_, intercept=m.classifier.intercept_,
    classes=m.cell_types.astype(str), features=m.features.astype(str),
    mean=m.scaler.mean_, scale=m.scaler.scale_,
)  # fmt: skip

asked = cells[np.flatnonzero(~taught)[::10]].copy()
asked.X = asked.X.astype(np.float64)
sc.pp.normalize_total(asked, target_sum=1e4)
sc.pp.log1p(asked)
said = celltypist.annotate(asked, model=model, mode="best match").probability_matrix
np.savez_compressed(
    HERE / "expected.npz",
    cells=np.array(said.index, dtype=str),
    classes=np.array(said.columns, dtype=str),
    probabilities=said.to_numpy(dtype=np.float64),
)
