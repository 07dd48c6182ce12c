"""Every error and warning of turncoat.

An error derives from :class:`TurncoatError` and from the built-in a Python user would
expect, and says what was expected, what was found and what to do.
"""

import difflib
import importlib
import warnings
from collections.abc import Iterable
from types import ModuleType


class TurncoatError(Exception):
    """Anything that is wrong with the input, the design or the environment."""

    def __str__(self) -> str:
        # KeyError would show the repr of its argument; a message is for reading.
        return str(self.args[0]) if self.args else ""


class ArgumentError(TurncoatError, ValueError):
    """An argument has a value outside what the function accepts."""


class MissingKeyError(TurncoatError, KeyError):
    """A column, layer, gene or table that was asked for is not there."""


class FileFormatError(TurncoatError, ValueError):
    """A file cannot be read as what it is declared to be."""


class MissingFileError(TurncoatError, FileNotFoundError):
    """A file that was named does not exist."""


class OutputError(TurncoatError, OSError):
    """Results cannot be written where they were asked for."""


class CountsError(TurncoatError, ValueError):
    """The matrix does not hold raw counts of this shape."""


class StudyError(TurncoatError, ValueError):
    """The study file, the sample sheet or the labels contradict themselves."""


class DesignError(TurncoatError, ValueError):
    """The donors at hand cannot answer the question that was asked."""


class TableError(TurncoatError, ValueError):
    """A table does not have the columns, kinds or keys that it declares."""


class KnowledgeError(TurncoatError, ValueError):
    """A bundled or user-given table of knowledge is damaged or unusable."""


class ChangedInputError(TurncoatError, RuntimeError):
    """An input file changed while it was being read."""


class ModelError(TurncoatError, ValueError):
    """A simulation model, schedule or parameter set cannot be used."""


class MissingExtraError(TurncoatError, ImportError):
    """An optional dependency is needed for what was asked."""


class TurncoatWarning(UserWarning):
    """Something the user should know and may filter by category."""


class DroppedDataWarning(TurncoatWarning):
    """Something was left out; the result says what and why."""


class DesignWarning(TurncoatWarning):
    """The design allows less than what was asked; the result says what."""


def warn(message: str, category: type[TurncoatWarning]) -> None:
    """Warn from the caller's caller, the line a user can act on."""
    warnings.warn(message, category, stacklevel=3)


def did_you_mean(name: str, choices: Iterable[object]) -> str:
    """Offer the nearest of some names, then all of them.

    Parameters
    ----------
    name
        What was asked for.
    choices
        What there is.

    Returns
    -------
    str
        A sentence to append to an error message; empty without choices.

    Examples
    --------
    >>> did_you_mean("donnor", ["donor", "tissue"])
    "Did you mean 'donor'? Present: donor, tissue."
    """
    names = sorted(str(choice) for choice in choices)
    if not names:
        return ""
    lowered = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1)
    shown = ", ".join(names[:30]) + (f", and {len(names) - 30} more" if len(names) > 30 else "")
    hint = f"Did you mean '{lowered[near[0]]}'? " if near else ""
    return f"{hint}Present: {shown}."


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Parameters
    ----------
    module
        Module to import.
    extra
        The turncoat extra that brings it.
    purpose
        What it is needed for, as it reads after "is needed to".

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingExtraError
        When it is not installed.

    Examples
    --------
    >>> require("json", extra="none", purpose="show how this works").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"The package '{module}' is needed to {purpose} and is not installed. "
            f"Install it with: pip install 'turncoat[{extra}]'"
        ) from error
