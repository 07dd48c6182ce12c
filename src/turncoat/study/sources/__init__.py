"""Cells from any common file, behind one small protocol: blocks of rows in CSR form."""

from turncoat.study.sources.open import open_source, open_sources
from turncoat.study.sources.protocol import Block, CellSource

__all__ = ["Block", "CellSource", "open_source", "open_sources"]
