"""The commands and their options; each loads what it needs when it is called."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="turncoat",
    help="Find the immune cells that switched sides in a tumour. Donors, not cells, are the "
    "evidence. Research use only; nothing is fetched, nothing is sent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
knowledge = typer.Typer(
    help="The bundled tables: where they come from, and whether they are whole.",
    no_args_is_help=True,
)
app.add_typer(knowledge, name="knowledge")

StudyFile = Annotated[Path, typer.Argument(help="The study file, study.toml.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Run directory, instead of the study file's.")
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh/--resume", help="Do everything again, or keep what has not changed."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads; findings never depend on them.")
]
Memory = Annotated[
    str | None, typer.Option("--memory", help="Memory for the pass over the cells, such as 2GB.")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of every random stream.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so.
    if wanted:
        from turncoat import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _top(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Run directory.")] = Path("demo"),
    fresh: Fresh = False,
    threads: Threads = None,
) -> None:
    """Run on the built-in study: lung adenocarcinoma, its nodes, and normal tissue."""
    from turncoat.cli.commands import demo as work

    work(out, fresh=fresh, threads=threads)


@app.command()
def run(
    study: StudyFile,
    out: Out = None,
    fresh: Fresh = False,
    threads: Threads = None,
    memory: Memory = None,
    seed: Seed = None,
) -> None:
    """Run a study to its report; unchanged parts of an earlier run are kept."""
    from turncoat.cli.commands import run as work

    work(study, out=out, fresh=fresh, threads=threads, memory=memory, seed=seed)


@app.command()
def check(study: StudyFile) -> None:
    """Check a study file and everything it names, and show the design. No work is done."""
    from turncoat.cli.commands import check as work

    work(study)


@app.command()
def init(
    cells: Annotated[
        list[Path],
        typer.Argument(help="Files of cells: h5ad, zarr, 10x h5, mtx folder, loom, CSV/TSV."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path("study.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented study.toml with the best guesses from the files of cells."""
    from turncoat.cli.commands import init as work

    work(cells, out, force=force)


@app.command()
def tally(
    study: StudyFile,
    out: Out = None,
    fresh: Fresh = False,
    threads: Threads = None,
    memory: Memory = None,
) -> None:
    """Make only the tally: sums per sample, population and gene, in one pass over the cells."""
    from turncoat.cli.commands import tally as work

    work(study, out=out, fresh=fresh, threads=threads, memory=memory)


@app.command()
def annotate(
    study: StudyFile,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where the labels go: one row a cell, parquet.")
    ] = Path("labels.parquet"),
    h5ad: Annotated[
        Path | None,
        typer.Option("--h5ad", help="Folder for copies of the h5ad files with labels in obs."),
    ] = None,
    threads: Threads = None,
    memory: Memory = None,
    seed: Seed = None,
) -> None:
    """Say what every cell is: lineage, population, state, how sure; malignant or not."""
    from turncoat.cli.annotate import annotate as work

    work(study, out=out, h5ad=h5ad, threads=threads, memory=memory, seed=seed)


@app.command()
def simulate(
    context: Annotated[str, typer.Option("--context", help="Tumour model: thacker, kep or 4t1.")],
    arms: Annotated[
        list[str] | None,
        typer.Option("--arms", help="An arm in words; repeat for more. The papers' by default."),
    ] = None,
    mice: Annotated[int, typer.Option("--mice", help="Virtual mice, each in every arm.")] = 500,
    days: Annotated[float | None, typer.Option("--days", help="Length of the study.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path("simulated"),
    threads: Threads = None,
    seed: Seed = None,
) -> None:
    """Run a virtual trial: tables as parquet, figures as PNG. Hypothesis ranking, never advice."""
    from turncoat.cli.virtual import simulate as work

    work(context, arms or [], mice=mice, days=days, out=out, threads=threads, seed=seed or 0)


@app.command()
def pool(
    studies: Annotated[
        list[str],
        typer.Argument(help="Two or more of NAME=PATH: a run's folder or a tally.h5ad."),
    ],
    variable: Annotated[str, typer.Option("--variable", help="Column that is compared.")],
    case: Annotated[str, typer.Option("--case", help="The level of interest.")],
    reference: Annotated[str, typer.Option("--reference", help="The level it is compared with.")],
    block: Annotated[str | None, typer.Option("--block", help="Compare within, as donor.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path("pooled"),
    seed: Seed = None,
) -> None:
    """Pool studies: each one's shifts, the pooled shift, whether they agree, and forest plots."""
    from turncoat.cli.pooling import pool as work

    work(studies, (variable, case, reference, block), out=out, seed=seed or 0)


@app.command()
def warmup() -> None:
    """Compile every kernel now, so that the first run does not wait for it."""
    from turncoat.cli.commands import warmup as work

    work()


@knowledge.command("list")
def list_knowledge() -> None:
    """List the bundled tables with version, licence and source."""
    from turncoat.cli.commands import list_knowledge as work

    work()


@knowledge.command()
def verify() -> None:
    """Check every bundled table against its checksum."""
    from turncoat.cli.commands import verify as work

    work()
