"""Organ by organ: what the tissue is made of, and what its cells do there."""

from turncoat.niche.abundance import abundance
from turncoat.niche.result import Abundance

__all__ = ["Abundance", "abundance"]
