"""Additive sums per sample, population and gene."""

import importlib
from typing import TYPE_CHECKING, Any

from turncoat.tally.account import CellAccount
from turncoat.tally.checkpoint import Checkpoint
from turncoat.tally.engine import count_plan, tally_plan
from turncoat.tally.partial import PartialTally
from turncoat.tally.progress import Progress
from turncoat.tally.tally import tally, tally_file

if TYPE_CHECKING:
    from turncoat.tally.merge import merge_tallies

#: Loaded on first use: it brings pandas, which counting does not need.
_LATER = {"merge_tallies": "merge"}

__all__ = [
    "CellAccount",
    "Checkpoint",
    "PartialTally",
    "Progress",
    "count_plan",
    "merge_tallies",
    "tally",
    "tally_file",
    "tally_plan",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"turncoat.tally.{_LATER[name]}"), name)
    raise AttributeError(f"module 'turncoat.tally' has no attribute {name!r}")
