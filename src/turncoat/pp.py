"""From files to a tally."""

from turncoat.tally import merge_tallies, tally, tally_plan

__all__ = ["merge_tallies", "tally", "tally_plan"]
