"""Additive sums per sample, population and gene."""

from turncoat.tally.account import CellAccount
from turncoat.tally.checkpoint import Checkpoint
from turncoat.tally.engine import count_plan, tally_plan
from turncoat.tally.merge import merge_tallies
from turncoat.tally.partial import PartialTally
from turncoat.tally.progress import Progress
from turncoat.tally.tally import tally

__all__ = [
    "CellAccount",
    "Checkpoint",
    "PartialTally",
    "Progress",
    "count_plan",
    "merge_tallies",
    "tally",
    "tally_plan",
]
