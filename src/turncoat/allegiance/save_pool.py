"""Pooled studies as files: tables as parquet, forest plots as PNG."""

import re
from pathlib import Path

from turncoat.allegiance.plot_pool import forest
from turncoat.allegiance.pool import PooledAllegiance
from turncoat.errors import OutputError


def save(found: PooledAllegiance, folder: Path) -> list[Path]:
    """Write the tables as parquet and a forest plot per pooled population and axis.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    from matplotlib.figure import Figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / "pooled.parquet", folder / "studies.parquet"]
        found.table.to_parquet(written[0], index=False)
        found.studies.to_parquet(written[1], index=False)
        for row in found.table[found.table["status"] == "tested"].to_dict("records"):
            where = (str(row["population"]), str(row["tissue"]), str(row["axis"]))
            path = folder / f"forest-{_slug(*where)}.png"
            drawing = Figure(figsize=(5.2, 3.2), layout="constrained")
            forest(found, where[0], tissue=where[1], axis=where[2], ax=drawing.subplots())
            drawing.savefig(path, dpi=120)
            written.append(path)
    except OSError as error:
        raise OutputError(f"The pooled result cannot be written to {folder}: {error}.") from error
    return written


def _slug(*parts: str) -> str:
    return "-".join(re.sub(r"[^a-z0-9_]+", "-", part.lower()).strip("-") for part in parts if part)
