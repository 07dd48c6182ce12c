"""A tally fit to leave the house: rows of few cells taken out, and what would give them away."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, DroppedDataWarning, warn
from turncoat.study import TallyPlan
from turncoat.tables import UNS_KEY, restore, store
from turncoat.tally import layout
from turncoat.tally.account import ACCOUNT_KEY, CellAccount
from turncoat.tally.kernels.units import GRID

if TYPE_CHECKING:
    import anndata as ad


def suppress_rows(tally: "ad.AnnData", min_cells: int) -> "ad.AnnData":
    """Take out rows of few cells, and everything that they could be worked out from.

    Totals over all cells minus the rows that are left would give the others back. So the moments
    of genes are worked out again from the rows that stay, and the quality of samples that lost a
    row is left out.

    Parameters
    ----------
    tally
        The tally; it is not changed.
    min_cells
        Fewest cells of a row that stays.

    Returns
    -------
    AnnData
        A tally.

    Raises
    ------
    ArgumentError
        When ``min_cells`` is below 1 or no row is left.
    """
    if min_cells < 1:
        raise ArgumentError(f"'min_cells' should be at least 1; got {min_cells}.")
    stays = tally.obs[layout.N_CELLS].to_numpy() >= min_cells
    n_out = int((~stays).sum())
    if n_out == 0:
        return tally
    if not stays.any():
        raise ArgumentError(f"No row has {min_cells} cells ('min_cells'): nothing could be shared.")
    kept = tally[stays].copy()
    n_cells = int(kept.obs[layout.N_CELLS].sum())
    kept.var = _moments(kept, n_cells)
    kept.uns[UNS_KEY][layout.META_KEY]["n_cells"] = n_cells
    account = restore(tally, ACCOUNT_KEY, CellAccount)
    touched = set(tally.obs.loc[~stays, layout.SAMPLE].astype(str))
    quality = account.quality[~account.quality["sample"].isin(touched)]
    # Remarks of the source count cells and name files: they stay in the house.
    reason = f"rows of fewer than {min_cells} cells, held back (min_cells)"
    dropped = [{"what": "rows", "n": n_out, "reason": reason}]
    guarded = CellAccount(
        quality=quality.reset_index(drop=True),
        dropped=TallyPlan.schema.build(dropped),
        params={**account.params, "min_cells": min_cells},
    )
    store(kept, ACCOUNT_KEY, guarded)
    warn(f"{n_out} {reason}.", DroppedDataWarning)
    return kept


def _moments(tally: "ad.AnnData", n_cells: int) -> pd.DataFrame:
    n = max(n_cells, 1)
    sums = {name: np.asarray(tally.layers[name].sum(axis=0)).ravel() for name in layout.LAYERS}
    log_mean = sums[layout.LOGSUM] / n
    # Back on the grid, so that the same rows give the same bytes in any order.
    squares = np.rint(sums[layout.LOGSUMSQ] * GRID) / GRID
    genes: pd.DataFrame = tally.var
    return genes.assign(
        mean=sums[layout.COUNTS] / n,
        log_mean=log_mean,
        log_variance=np.maximum(squares / n - log_mean**2, 0.0),
    )
