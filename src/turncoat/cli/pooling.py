"""The command that pools several studies."""

from pathlib import Path

import typer

from turncoat.errors import ArgumentError, TurncoatError
from turncoat.stats import Contrast
from turncoat.study.others import read_tally, tally_file


def pool(
    studies: list[str], asked: tuple[str, str, str, str | None], *, out: Path, seed: int
) -> None:
    """Ask every study the same question and write what they say together."""
    from turncoat.allegiance import allegiance
    from turncoat.allegiance import pool as pool_results
    from turncoat.allegiance.save_pool import save

    contrast = Contrast(*asked)
    results = {}
    for name, path in _named(studies).items():
        typer.echo(f"turncoat: {name}", err=True)
        try:
            results[name] = allegiance(read_tally(path), contrast, seed=seed, key_added=None)
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
