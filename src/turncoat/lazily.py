"""Names of a namespace, each loaded with its room when it is first asked for."""

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any


def load(namespace: ModuleType, homes: Mapping[str, str], name: str) -> Any:
    """Load what a namespace names, and keep it there.

    Parameters
    ----------
    namespace
        The module that is asked.
    homes
        Module of each of its names.
    name
        What it is asked for.

    Returns
    -------
    Any
        What has that name.

    Raises
    ------
    AttributeError
        When the namespace has no such name.

    Examples
    --------
    >>> import turncoat.tl
    >>> load(turncoat.tl, {"Contrast": "turncoat.stats.contrast"}, "Contrast").__name__
    'Contrast'
    """
    if name not in homes:
        raise AttributeError(f"module {namespace.__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(homes[name]), name)
    setattr(namespace, name, found)
    return found
