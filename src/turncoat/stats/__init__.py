"""Tests whose unit is the donor, and what a design can and cannot show."""

from turncoat.stats.contrast import Contrast

__all__ = ["Contrast"]
