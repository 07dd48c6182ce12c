"""turncoat: which immune cells switched sides, by what signal, where, and at what cost.

Research use only. Heavy parts load on first use: ``import turncoat as tc`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turncoat import ds, get, pl, pp, sim, tl
    from turncoat.pipeline.whole import run
    from turncoat.stats import Contrast

__version__ = "0.1.0"

_NAMESPACES = ("pp", "tl", "pl", "get", "ds", "sim")
_NAMES = {"run": "turncoat.pipeline.whole", "Contrast": "turncoat.stats"}

__all__ = ["Contrast", "__version__", "ds", "get", "pl", "pp", "run", "sim", "tl"]


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return importlib.import_module(f"turncoat.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'turncoat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
