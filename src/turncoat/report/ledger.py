"""The claims of a run as a tidy table, one row per rung of evidence."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from turncoat.errors import FileFormatError, MissingFileError
from turncoat.tables import Column, TableSchema

LEDGER = TableSchema(
    columns=(
        Column("identifier", "text", "", "Name of the claim: room, contrast, subject."),
        Column("room", "text", "", "Room that made it."),
        Column("contrast", "text", "", "Comparison, as the study calls it."),
        Column("subject", "text", "", "Population, edge, organ or drug."),
        Column("verdict", "text", "", "The room's word for what was found."),
        Column("grade", "text", "", "How far up the ladder the claim is held."),
        Column("rung", "text", "", "Kind of evidence; empty for a claim without any."),
        Column("bearing", "text", "", "supports, contradicts or open."),
        Column("direction", "text", "", "Whom the effect serves."),
        Column("effect", "real", "", "Size of the effect."),
        Column("unit", "text", "", "Its unit."),
        Column("low", "real", "", "Lower end of the 95 % interval."),
        Column("high", "real", "", "Upper end of the 95 % interval."),
        Column("pvalue", "real", "", "Donor-level p-value."),
        Column("qvalue", "real", "", "After correction."),
        Column("n_donors", "whole", "donors", "Donors or patients behind the effect."),
        Column("n_cohorts", "whole", "studies", "Studies or cohorts behind it."),
        Column("table", "text", "", "The finding's table, a file under findings/."),
        Column("sentence", "text", "", "The claim in a sentence."),
    ),
)
NO_RUNG: dict[str, Any] = {
    "rung": "",
    "bearing": "",
    "direction": "",
    "unit": "",
    "table": "",
    "n_donors": 0,
    "n_cohorts": 0,
}


def claims(run: str | Path) -> pd.DataFrame:
    """List every claim of a run with its evidence, one row per rung.

    Parameters
    ----------
    run
        The run directory, or its ``claims.json``.

    Returns
    -------
    pandas.DataFrame
        Columns as declared in :data:`LEDGER`; a claim without evidence has one row.

    Raises
    ------
    MissingFileError
        When there are no claims.
    FileFormatError
        When the file is not what a run writes.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.get.claims("results").query("grade == 'moderate'")  # doctest: +SKIP
    """
    path = Path(run)
    path = path / "claims.json" if path.is_dir() else path
    if not path.is_file():
        raise MissingFileError(f"There are no claims at {path}: name the directory of a run.")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["claims"]
        rows = [_row(claim, rung) for claim in stored for rung in claim["evidence"] or [NO_RUNG]]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is no file of claims: {error!r}.") from error
    return LEDGER.build(rows)


def _row(claim: dict[str, Any], rung: dict[str, Any]) -> dict[str, Any]:
    named = {"room": claim["identifier"].partition("/")[0], **claim, **rung}
    return {name: named.get(name) for name in LEDGER.names}
