"""What the commands do."""

import re
import tempfile
import warnings
from pathlib import Path

import typer

from turncoat.cli.progress import shown
from turncoat.errors import ArgumentError, KnowledgeError, OutputError

UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


def bytes_of(text: str | None) -> int | None:
    """Read a size such as ``2GB``, ``512 MiB`` or ``800000000``.

    Examples
    --------
    >>> bytes_of("2GB"), bytes_of("1.5 GiB"), bytes_of(None)
    (2000000000, 1610612736, None)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if found is None:
        raise ArgumentError(f"--memory should be a size such as 2GB or 512MB; got '{text}'.")
    number, unit, binary = found.groups()
    unit = unit.upper()
    step = 1024 ** "KMGT".index(unit) * 1024 if binary and unit else UNITS[unit]
    return int(float(number) * step)


def demo(out: Path, *, fresh: bool, threads: int | None) -> None:
    """Run the built-in study."""
    from turncoat import ds
    from turncoat.pipeline.whole import run as run_study

    with shown() as progress:
        finished = run_study(
            ds.lung_niches_study(), out=out, fresh=fresh, threads=threads, progress=progress
        )
    _tell(finished.report)


def run(
    study: Path,
    *,
    out: Path | None,
    fresh: bool,
    threads: int | None,
    memory: str | None,
    seed: int | None,
) -> None:
    """Run a study file."""
    from turncoat.pipeline.whole import run as run_study

    limit = bytes_of(memory)
    with shown() as progress:
        finished = run_study(
            study,
            out=out,
            fresh=fresh,
            threads=threads,
            memory_limit=limit,
            seed=seed,
            progress=progress,
        )
    _tell(finished.report)


def _tell(report: Path) -> None:
    typer.echo("turncoat: done. Open this file in a browser:", err=True)
    typer.echo(str(report.resolve()))


def check(study: Path) -> None:
    """Show the design of a study file."""
    from turncoat.cli.tell import tell_check
    from turncoat.study import check_study

    tell_check(check_study(study))


def init(cells: list[Path], out: Path, *, force: bool) -> None:
    """Write a study file."""
    from turncoat.files import write_text
    from turncoat.study import init_study

    if out.exists() and not force:
        raise OutputError(f"{out} is there already. Choose another --out, or replace it: --force.")
    write_text(out, init_study(cells))
    typer.echo(f"turncoat: written. Look it over, then: turncoat check {out}", err=True)
    typer.echo(str(out))


def tally(
    study: Path, *, out: Path | None, fresh: bool, threads: int | None, memory: str | None
) -> None:
    """Make only the tally."""
    from turncoat.pipeline.whole import tally_study

    limit = bytes_of(memory)
    with shown() as progress:
        finished = tally_study(
            study, out=out, fresh=fresh, threads=threads, memory_limit=limit, progress=progress
        )
    typer.echo(str((finished.directory / "tally.h5ad").resolve()))


WARMUP = """
[study]
name = "Warming up"
[cells]
files = ["cells.h5ad"]
donor = "donor"
sample = "sample"
tissue = "tissue"
condition = "condition"
population = "population"
[[contrasts]]
variable = "condition"
case = "case"
reference = "control"
"""


def warmup() -> None:
    """Compile every kernel, by running a small planted study through all stages."""
    from turncoat import ds, sim
    from turncoat.errors import TurncoatWarning
    from turncoat.pipeline.whole import run as run_study

    sim.warmup()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), shown() as progress:
        warnings.simplefilter("ignore", TurncoatWarning)
        home = Path(folder)
        ds.write_planted(
            home / "cells.h5ad", n_donors=4, n_controls=4, cells_per_donor=300, n_genes=2_000
        )
        (home / "study.toml").write_text(WARMUP, encoding="utf-8")
        run_study(home / "study.toml", out=home / "run", progress=progress)
    typer.echo("turncoat: warm. Kernels are compiled and kept on disk.", err=True)


def list_knowledge() -> None:
    """List the bundled tables."""
    from turncoat.knowledge.registry import catalogue

    for card in catalogue().values():
        typer.echo(f"{card.name}\t{card.version}\t{card.licence}\t{card.source}")


def verify() -> None:
    """Check every bundled table."""
    from turncoat.knowledge.registry import catalogue, verified_path

    damaged = []
    for name in catalogue():
        try:
            verified_path(name)
        except KnowledgeError as error:
            damaged.append(name)
            typer.echo(f"{name}\tDAMAGED\t{error}")
        else:
            typer.echo(f"{name}\twhole")
    if damaged:
        raise KnowledgeError(f"Damaged: {', '.join(damaged)}. Reinstall turncoat.")
