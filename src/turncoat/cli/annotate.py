"""What ``turncoat annotate`` does: labels of cells, without the rest of a run."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from turncoat.cli.commands import bytes_of
from turncoat.cli.progress import shown
from turncoat.errors import OutputError, StudyError
from turncoat.files import make_folder, sole_use, write_text
from turncoat.study import load_study

if TYPE_CHECKING:
    from turncoat.pipeline import Progress
    from turncoat.study import Study
    from turncoat.tally import Progress as Done
    from turncoat.tally.annotated import Annotated


#: Folder beside the labels where a pass that was stopped keeps how far it was.
PARTS, LOCK = ".turncoat-{}", "lock"
#: Remarks on samples that are told at most.
MOST_REMARKS = 5


def annotate(
    study: Path,
    *,
    out: Path,
    h5ad: Path | None,
    threads: int | None,
    memory: str | None,
    seed: int | None,
) -> None:
    """Name the cells of a study, write the labels, and say how many were named."""
    from turncoat.cells import write_into_h5ad, write_labels

    limit = bytes_of(memory)
    loaded = load_study(study)
    copies = [] if h5ad is None else _copies(loaded, h5ad)
    make_folder(out.parent)
    parts = out.parent / PARTS.format(out.name)
    with sole_use(parts / LOCK, f"process {os.getpid()}"):
        try:
            with shown() as progress:
                progress.begin("annotate", "Learning, then naming the cells")
                made = _work(loaded, progress, parts, threads=threads, limit=limit, seed=seed)
                progress.end("annotate", 0.0, "done")
        except BaseException:
            _leave(parts)
            raise
        written = [write_labels(made.annotation, out)]
        written += [write_into_h5ad(made.annotation, source, copy) for source, copy in copies]
        written += _disagreement(made, out)
        with contextlib.suppress(OSError):
            shutil.rmtree(parts)
    _tell(made)
    for path in written:
        typer.echo(str(path.resolve()))


def _leave(parts: Path) -> None:
    """Keep what another command can go on from; leave nothing behind where there is nothing."""
    if {path.name for path in parts.iterdir()} <= {LOCK}:
        shutil.rmtree(parts, ignore_errors=True)


def _work(
    study: "Study",
    progress: "Progress",
    parts: Path,
    *,
    threads: int | None,
    limit: int | None,
    seed: int | None,
) -> "Annotated":
    from turncoat.tally import Checkpoint
    from turncoat.tally.annotated import annotate_and_tally_study

    def tell(now: "Done") -> None:
        progress.advance(now.cells_done, now.cells_total, f"{now.cells_per_second:,.0f} cells/s")

    return annotate_and_tally_study(
        study,
        seed=study.seed if seed is None else seed,
        threads=threads or study.run.threads,
        memory_limit=limit or study.run.memory_limit,
        progress=tell,
        checkpoint=Checkpoint(parts),
    )


def _copies(study: "Study", folder: Path) -> list[tuple[Path, Path]]:
    """Decide where the copies go, before any work is done for them."""
    files = study.cells.files
    other = [path.name for path in files if path.suffix != ".h5ad"]
    if other:
        raise StudyError(
            f"--h5ad writes labels into copies of h5ad files; {other[0]} is none. Leave the option "
            "out: the labels are also in the parquet file, by file and barcode."
        )
    _refuse_same_names(files)
    if any(path.resolve().parent == folder.resolve() for path in files):
        raise OutputError(
            f"{folder} is where the cells themselves are: name another folder for the copies."
        )
    make_folder(folder)
    return [(path, folder / path.name) for path in files]


def _refuse_same_names(files: Sequence[Path]) -> None:
    names = [path.name for path in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"Two files are called {twice[0]}: rename one, or leave --h5ad out.")


def _disagreement(made: "Annotated", out: Path) -> list[Path]:
    """Write the study's own labels against ours, where it has any."""
    table = made.annotation.disagreement
    if table.empty:
        return []
    path = out.with_name(f"{out.stem}.disagreement.csv")
    write_text(path, table.to_csv(index=False))
    return [path]


def _tell(made: "Annotated") -> None:
    samples = made.annotation.samples
    total, called = int(samples["n_cells"].sum()), int(samples["n_called"].sum())
    text = f"turncoat: {called:,} of {total:,} cells named, {total - called:,} left unassigned"
    if made.malignancy is None:
        text += "; malignant and normal cells not told apart"
        if reason := made.annotation.params.get("malignant", ""):
            text += f" ({str(reason).rstrip('.')})"
    else:
        text += f"; {int(made.malignancy.donors['n_malignant'].sum()):,} malignant"
    typer.echo(text + ".", err=True)
    remarks = samples[samples["remark"] != ""][["sample", "remark"]].to_numpy().tolist()
    for sample, remark in remarks[:MOST_REMARKS]:
        typer.echo(f"turncoat: note: sample {sample}: {remark}.", err=True)
    if len(remarks) > MOST_REMARKS:
        typer.echo(f"turncoat: note: and {len(remarks) - MOST_REMARKS} samples more.", err=True)
