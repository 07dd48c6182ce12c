"""What a user may ask of crosstalk, checked before any work."""

from collections.abc import Sequence
from typing import Literal

import anndata as ad
import pandas as pd

from turncoat.crosstalk.science import Limits
from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.tables import UNS_KEY, restore_table
from turncoat.tally import layout

Senders = Sequence[str] | pd.DataFrame | Literal["switched", "all"]
Receivers = Sequence[str] | Literal["all"]
#: Where :func:`turncoat.tl.allegiance` keeps its verdicts.
ALLEGIANCE = "allegiance"


def check_numbers(limits: Limits, fdr: float, n_permutations: int) -> None:
    """Refuse numbers that are out of range."""
    if not 0 < fdr < 1:
        raise ArgumentError(f"'fdr' should lie between 0 and 1; got {fdr!r}.")
    if limits.min_donors < 2:
        raise ArgumentError(f"'min_donors' should be at least 2; got {limits.min_donors!r}.")
    if limits.min_cells < 1:
        raise ArgumentError(f"'min_cells' should be at least 1; got {limits.min_cells!r}.")
    for name, value in (("min_detection", limits.min_detection), ("ambient", limits.ambient)):
        if not 0 <= value < 1:
            raise ArgumentError(f"'{name}' should lie within [0, 1); got {value!r}.")
    if n_permutations != 0 and n_permutations < 99:
        raise ArgumentError(f"'n_permutations' should be 0 or at least 99; got {n_permutations!r}.")


def chosen_senders(tally: ad.AnnData, senders: Senders) -> tuple[str, ...] | None:
    """Name the senders; None for all."""
    if isinstance(senders, pd.DataFrame):
        return _switched(tally, senders)
    if isinstance(senders, str) and senders == "switched":
        if ALLEGIANCE not in tally.uns.get(UNS_KEY, {}):
            raise ArgumentError(
                "senders='switched' follows allegiance, and this tally keeps no verdicts: run "
                "turncoat.tl.allegiance(tally, contrast) first, give its table as senders, or "
                "set senders='all'."
            )
        return _switched(tally, restore_table(tally, ALLEGIANCE, "table"))
    return chosen_populations(tally, senders, "senders")


def chosen_populations(
    tally: ad.AnnData, names: Sequence[str], argument: str
) -> tuple[str, ...] | None:
    """Name the populations of one side, all of them in the tally; None for all."""
    if isinstance(names, str) and names == "all":
        return None
    known = sorted(set(tally.obs[layout.POPULATION].astype(str)))
    listed = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
    if not listed:
        raise ArgumentError(f"'{argument}' names no population; set it to 'all' for every one.")
    for name in listed:
        if name not in known:
            raise ArgumentError(
                f"The tally has no population '{name}' (argument '{argument}'). "
                f"{did_you_mean(name, known)}"
            )
    return listed


def _switched(tally: ad.AnnData, allegiance: pd.DataFrame) -> tuple[str, ...]:
    for column in ("population", "verdict"):
        if column not in allegiance:
            raise MissingKeyError(
                f"The table of allegiance (argument 'senders') has no column '{column}'. "
                f"{did_you_mean(column, allegiance.columns)}"
            )
    chosen = allegiance.loc[allegiance["verdict"] == "switched", "population"]
    known = set(tally.obs[layout.POPULATION].astype(str))
    return tuple(sorted(set(chosen.astype(str)) & known))
