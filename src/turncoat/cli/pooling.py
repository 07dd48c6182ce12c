"""The command that pools several studies."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from turncoat.errors import ArgumentError, OutputError, TurncoatError
from turncoat.stats import Contrast
from turncoat.study.others import tally_file

if TYPE_CHECKING:
    from turncoat.allegiance import PooledAllegiance


def pool(
    studies: list[str], asked: tuple[str, str, str, str | None], *, out: Path, seed: int
) -> None:
    """Ask every study the same question and write what they say together."""
    import anndata as ad

    from turncoat.allegiance import allegiance
    from turncoat.allegiance import pool as pool_results

    contrast = Contrast(*asked)
    results = {}
    for name, path in _named(studies).items():
        typer.echo(f"turncoat: {name}", err=True)
        try:
            tally = ad.read_h5ad(path)
            results[name] = allegiance(tally, contrast, seed=seed, key_added=None)
        except TurncoatError as error:
            raise ArgumentError(f"The study '{name}' ({path}) cannot be pooled: {error}") from error
    found = pool_results(results)
    for file in save(found, out):
        typer.echo(str(file))


def _named(studies: list[str]) -> dict[str, Path]:
    """Split NAME=PATH, and find each tally."""
    found: dict[str, Path] = {}
    for text in studies:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ArgumentError(
                f"Each study should be given as NAME=PATH, for instance 'Kim=kim/run'; got '{text}'."
            )
        if name in found:
            raise ArgumentError(f"Two studies are called '{name}'. Give each a name of its own.")
        found[name] = tally_file(Path(path))
    if len(found) < 2:
        raise ArgumentError(f"Pooling needs at least two studies; got {len(found)}.")
    return found


def save(found: "PooledAllegiance", folder: Path) -> list[Path]:
    """Write the tables as parquet and a forest plot per pooled population and axis.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from turncoat.allegiance.plot_pool import forest
    from turncoat.pipeline.findings import slug

    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / "pooled.parquet", folder / "studies.parquet"]
        found.table.to_parquet(written[0], index=False)
        found.studies.to_parquet(written[1], index=False)
        for row in found.table[found.table["status"] == "tested"].to_dict("records"):
            where = (str(row["population"]), str(row["tissue"]), str(row["axis"]))
            path = folder / f"forest-{slug('-'.join(filter(None, where)))}.png"
            drawing = plt.figure(figsize=(5.2, 3.2), layout="constrained")
            forest(found, where[0], tissue=where[1], axis=where[2], ax=drawing.subplots())
            drawing.savefig(path, dpi=120)
            plt.close(drawing)
            written.append(path)
    except OSError as error:
        raise OutputError(f"The pooled result cannot be written to {folder}: {error}.") from error
    return written
