"""Files that are whole or absent: written beside their place, then renamed into it."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from turncoat.errors import OutputError

#: Files under this prefix are being written; a later run removes what a killed one left.
UNFINISHED = ".unfinished-"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a place to write to; the file appears at ``path`` only once it is complete.

    Parameters
    ----------
    path
        Where the file should be. Its folder is made if need be.

    Yields
    ------
    Path
        A name in the same folder with the same suffix, to be written by the caller.

    Raises
    ------
    OutputError
        When the folder cannot be written or the disk is full; an older file is left as it was.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "note.txt") as unfinished:
    ...     _ = unfinished.write_text("done")
    >>> [path.name for path in folder.iterdir()]
    ['note.txt']
    """
    unfinished: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=UNFINISHED, suffix=f"-{path.name}", dir=str(path.parent)
        )
        os.close(handle)
        unfinished = Path(name)
        yield unfinished
        _settle(unfinished, path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(_cannot_write(path, error)) from error
    finally:
        if unfinished is not None:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)


def _settle(unfinished: Path, path: Path) -> None:
    # Without the sync a power cut can leave the new name on an empty file.
    with unfinished.open("rb+") as stream:
        os.fsync(stream.fileno())
    umask = os.umask(0)
    os.umask(umask)
    unfinished.chmod(0o666 & ~umask)
    unfinished.replace(path)


def _cannot_write(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"{path} cannot be written: {reason}. Free space there or choose another output "
        "folder with --out; what was complete before is kept, and the run resumes from it."
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder and prove that it can be written to, before any work is done for it.

    Raises
    ------
    OutputError
        When it cannot be made, is a file, or is not writable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=UNFINISHED, dir=str(path)):
            pass
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error


def sweep(folder: Path) -> None:
    """Remove what a killed run left unfinished in a folder and the folders in it."""
    for leftover in folder.rglob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder."""
    if path.is_dir():
        summary = hashlib.sha256()
        for part in sorted(path.rglob("*")):
            if part.is_file():
                summary.update(f"{part.relative_to(path).as_posix()}\0{digest(part)}\n".encode())
        return summary.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def sole_use(path: Path, owner: str) -> Iterator[None]:
    """Hold a folder for one process alone, by a lock on a file in it.

    The system drops the lock when its process ends, however it ends: a killed run leaves a file
    behind, never a lock. File systems without locks (some network mounts) give no protection.

    Parameters
    ----------
    path
        The lock file; made if need be, and left in place.
    owner
        Who holds it, for the message that a second process gets.

    Raises
    ------
    OutputError
        When another process holds the folder, or the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    with stream:
        if not _lock(stream.fileno()):
            stream.seek(0)
            raise OutputError(
                f"{path.parent.parent} is in use by another run ({stream.read().strip()}). Wait "
                "until it has ended, or choose another output folder with --out."
            )
        stream.truncate(0)
        stream.write(owner)
        stream.flush()
        yield


def _lock(handle: int) -> bool:
    """Try to lock an open file; true also where the file system knows no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
