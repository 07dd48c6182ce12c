"""Every quantity of a study per donor and tissue."""

from typing import Any

import anndata as ad
import pandas as pd

from turncoat.errors import MissingKeyError
from turncoat.niche.quantities import DEFAULT_RATIOS, parse_ratio, quantities
from turncoat.stats.design import absent
from turncoat.tally import layout

COLUMNS = ["donor", "tissue", "value", "weight", "batch"]
#: Kinds of quantity that a sorted or subsampled study can show.
STATE_KINDS = ("anti_tumour", "pro_tumour")

Values = dict[tuple[str, str], pd.DataFrame]


def state_values(scores: pd.DataFrame) -> Values:
    """Sort scores by population and axis."""
    renamed = scores.rename(columns={"score": "value"}).assign(batch="")
    return {
        (str(population), str(axis)): own[COLUMNS].reset_index(drop=True)
        for (population, axis), own in renamed.groupby(["population", "axis"], sort=True)
    }


def make_up_values(tally: ad.AnnData) -> Values:
    """Take centred and named log-ratios per donor and tissue."""
    obs = tally.obs
    table = pd.DataFrame(
        {name: obs[name].astype(str) for name in (layout.DONOR, layout.TISSUE, layout.POPULATION)}
    ).assign(n_cells=obs[layout.N_CELLS].astype(int))
    cells = table.pivot_table(
        index=["donor", "tissue"], columns="population", values="n_cells", aggfunc="sum"
    ).fillna(0)
    populations = [str(name) for name in cells.columns]
    ratios = []
    for text in DEFAULT_RATIOS:
        try:
            ratios.append(parse_ratio(text, populations))
        except MissingKeyError:
            continue
    names, kinds, log_ratios = quantities(cells, ratios)
    units = cells.index.to_frame(index=False)
    return {
        (name, kind): units.assign(value=log_ratios[:, place], weight=1.0, batch="")
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }


def batches_of(tally: ad.AnnData, batch_key: str | None) -> "pd.Series[Any] | None":
    """Look up the batch of each donor and tissue; empty where it is missing."""
    if batch_key is None:
        return None
    keys = [tally.obs[layout.DONOR].astype(str), tally.obs[layout.TISSUE].astype(str)]
    column = tally.obs[batch_key]
    labels = column.astype(str).mask(absent(column), "")
    batches: pd.Series[Any] = labels.groupby(keys).first()
    return batches


def with_batch(table: pd.DataFrame, batches: "pd.Series[Any] | None") -> pd.DataFrame:
    """Add the batch; empty where unknown."""
    if batches is None:
        return table
    keys = list(zip(table["donor"], table["tissue"], strict=True))
    return table.assign(batch=[str(batches.get(key, "")) for key in keys])
