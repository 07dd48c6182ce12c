"""From files to a tally."""

from turncoat.tally import tally, tally_plan

__all__ = ["tally", "tally_plan"]
