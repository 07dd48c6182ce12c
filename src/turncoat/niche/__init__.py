"""Organ by organ: what the tissue is made of, and what its cells do there."""

from turncoat.niche import plot
from turncoat.niche.abundance import abundance
from turncoat.niche.niche import niche
from turncoat.niche.result import Abundance, Niche

__all__ = ["Abundance", "Niche", "abundance", "niche", "plot"]
