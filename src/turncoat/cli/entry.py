"""The way in and every way out: exit codes, and what is said on the way."""

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

import typer

from turncoat import __version__
from turncoat.errors import TurncoatError, TurncoatWarning

#: What typer raises for options it does not know. It may bring its own copy of click under a
#: private name, so that the class is taken from its public child.
USAGE: type[Any] = typer.BadParameter.__mro__[1]

DONE, BUG, INPUT, INTERRUPTED = 0, 1, 2, 130

#: The machine's limits, not our bugs: full disk, read-only, no permission, no such device.
PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    # Figures are drawn to files; a display, where there is one, is not ours to open.
    os.environ.setdefault("MPLBACKEND", "Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("default", TurncoatWarning)
        warnings.showwarning = _show_warning
        code = _attempt(arguments)
    code = _flush(code)
    sys.exit(code)


def _attempt(arguments: Sequence[str] | None) -> int:
    from turncoat.cli.app import app

    try:
        returned = app(args=arguments, prog_name="turncoat", standalone_mode=False)
    except USAGE as error:
        error.show()
        return INPUT
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every way out ends here.
        return _way_out(error)
    if returned == INTERRUPTED:
        # Newer releases of typer turn Ctrl-C into this code themselves, and say nothing.
        return _way_out(KeyboardInterrupt())
    return returned if isinstance(returned, int) else DONE


def _way_out(error: BaseException) -> int:
    """Say what went wrong, and whose turn it is."""
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        _say("stopped. What was complete is kept: the same command goes on from there.")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader (head, a pager) has seen enough.
        _close_output()
        return DONE
    if isinstance(error, TurncoatError):
        _say(str(error))
        return INPUT
    if isinstance(error, MemoryError):
        _say("the memory of this machine is used up. Try --memory 1GB, or fewer --threads.")
        return INPUT
    return _place_or_bug(error)


def _place_or_bug(error: BaseException) -> int:
    if not isinstance(error, OSError) or error.errno not in PLACE:
        return _bug(error)
    where = f" ({error.filename})" if error.filename else ""
    _say(f"{error.strerror}{where}. Free space or permissions there, or choose another place.")
    return INPUT


def _bug(error: BaseException) -> int:
    traceback.print_exception(error, file=sys.stderr)
    _say(
        f"this is a bug in turncoat {__version__}, not in your data. Please report the lines above "
        "and the command that you ran: CONTRIBUTING says where. Nothing complete was lost."
    )
    return BUG


def _flush(code: int) -> int:
    """Find out now whether what was written to standard output arrived."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _close_output()
        return code if isinstance(error, BrokenPipeError) else _place_or_bug(error)
    return code


def _close_output() -> None:
    # Python would try to write what is left at exit, and fail again.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _say(message: str) -> None:
    sys.stderr.write(f"turncoat: {message}\n")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # What a user may act on is said in words; anything else keeps Python's own form.
    if issubclass(category, TurncoatWarning):
        _say(f"note: {message}")
        return
    text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)
