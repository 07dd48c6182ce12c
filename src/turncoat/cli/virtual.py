"""The command of the in-silico mice."""

from pathlib import Path

import typer


def simulate(
    context: str,
    arms: list[str],
    *,
    mice: int,
    days: float | None,
    out: Path,
    threads: int | None,
    seed: int,
) -> None:
    """Run a virtual trial and write its tables and figures."""
    from turncoat.simulate.experiments import KOS, KOS_DAYS, THACKER, THACKER_DAYS
    from turncoat.simulate.result import summary_of
    from turncoat.simulate.save import save_trial
    from turncoat.simulate.trial import trial

    metastatic = context in ("kep", "4t1")
    length = days if days is not None else (KOS_DAYS if metastatic else THACKER_DAYS)
    asked = arms or (KOS if metastatic else THACKER)
    with typer.progressbar(length=max(mice, 1), label="Virtual mice", file=_stderr()) as bar:
        done = 0

        def progress(enrolled: int) -> None:
            nonlocal done
            bar.update(min(enrolled, mice) - done)
            done = min(enrolled, mice)

        found = trial(context, asked, mice, seed, days=length, threads=threads, progress=progress)
    written = save_trial(found, out)
    typer.echo(f"turncoat: {summary_of(found.params)}", err=True)
    for path in written:
        typer.echo(str(path))


def _stderr() -> "typer.FileTextWrite":
    return typer.get_text_stream("stderr")  # type: ignore[return-value]
