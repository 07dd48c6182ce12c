"""What can go wrong with a file, said in the file's name."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from turncoat.errors import FileFormatError, MissingFileError, TurncoatError, did_you_mean


def existing(path: Path) -> Path:
    """Return the path of a file or folder that is there.

    Raises
    ------
    MissingFileError
        When it is not, with the nearest name in its folder.
    """
    if path.exists():
        return path
    folder = path.parent
    if not folder.is_dir():
        raise MissingFileError(f"There is no file {path}: the folder {folder} does not exist.")
    hint = did_you_mean(path.name, sorted(child.name for child in folder.iterdir())[:200])
    raise MissingFileError(f"There is no file {path.name} in {folder}. {hint}")


@contextlib.contextmanager
def reading(
    path: Path | None, what: str, advice: str = "Make or fetch it again."
) -> Iterator[None]:
    """Turn a library's complaint about a file into one that names it.

    Raises
    ------
    FileFormatError
        In place of what the library raised.
    """
    try:
        yield
    except TurncoatError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, EOFError, TypeError) as error:
        raise FileFormatError(f"{path}: {what} cannot be read ({error}). {advice}") from error
