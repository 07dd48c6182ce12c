"""Figure of the quality of cells: marks by sample."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from turncoat.cells.quality_result import Quality


def quality(result: Quality, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each sample's cells that carry each mark.

    Parameters
    ----------
    result
        What a look at quality found.
    ax
        Axes to draw on; new ones by default.

    Returns
    -------
    Axes
        The axes drawn on.

    Examples
    --------
    >>> turncoat.pl.quality(result)  # doctest: +SKIP
    """
    cells = result.samples.set_index("sample")["n_cells"]
    table = result.marks.pivot_table(index="sample", columns="reason", values="n_cells", sort=False)
    share = table.div(cells.reindex(table.index), axis=0)
    share = share.loc[:, share.max() > 0]
    if ax is None:
        size = (max(0.45 * share.shape[1] + 2.4, 3.6), max(0.16 * len(share) + 1.6, 2.6))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    top = max(float(share.to_numpy().max(initial=0)), 0.01)
    image = ax.imshow(share, cmap="Purples", vmin=0, vmax=top, aspect="auto")
    ax.set(xticks=np.arange(share.shape[1]), yticks=np.arange(len(share)))
    ax.set_xticklabels(share.columns, rotation=45, ha="right", fontsize=7)
    ax.set_yticklabels(share.index, fontsize=6)
    ax.figure.colorbar(image, ax=ax, label="Share of the sample's cells", shrink=0.8)
    return ax
