"""Counts corrected for ambient RNA: fractions, rounded so that sums stay true."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from turncoat.errors import CountsError
from turncoat.study.counts import diagnose, stretches
from turncoat.study.sources.open import Cells, open_source
from turncoat.study.sources.protocol import Block, CellSource
from turncoat.tables import FloatArray, IntArray

#: Rows read at a time when values are rounded.
PLAIN_NUMBERS = "fiub"


@dataclass(frozen=True)
class CorrectedSource:
    """Cells whose fractional counts are read as whole ones.

    A value x becomes its floor, or one more with the probability of its fraction: on average it
    stays x, so sums over cells stay true. The draw hangs on the cell and the gene alone: blocks,
    threads and runs do not change it.

    Parameters
    ----------
    source
        The cells as they are.
    """

    source: CellSource

    def __getattr__(self, name: str) -> Any:
        # Everything else is as the source has it; a matrix that is read without us is not offered.
        if name == "matrix" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.source, name)

    def alternatives(self) -> dict[str, CellSource]:
        """Other matrices of the same file."""
        return self.source.alternatives()

    def blocks(
        self, rows_per_block: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """Read rows in order, rounded.

        Raises
        ------
        CountsError
            When a value is negative or no number.
        """
        for block in self.source.blocks(rows_per_block, start=start, stop=stop):
            yield self._rounded(block)

    def _rounded(self, block: Block) -> Block:
        if block.data.dtype.kind not in PLAIN_NUMBERS:
            raise CountsError(f"{self.source.name} holds {block.data.dtype}, expected numbers.")
        data = block.data.astype(np.float64)
        wrong = np.flatnonzero(~((data >= 0) & np.isfinite(data)))
        if wrong.size:
            cell = block.start + int(np.searchsorted(block.indptr, wrong[0], side="right")) - 1
            gene = str(self.source.genes[int(block.indices[wrong[0]])])
            raise CountsError(
                f"{self.source.name}: cell {cell}, gene {gene} holds {data[wrong[0]]:.6g}, but "
                "corrected counts are numbers from 0. Give the matrix as SoupX or CellBender wrote it."
            )
        cells = np.repeat(np.arange(block.n_cells) + block.start, np.diff(block.indptr))
        whole = np.floor(data)
        up = draw(cells, block.indices) < data - whole
        return Block(block.start, whole + up, block.indices, block.indptr)


def draw(cells: IntArray, genes: IntArray) -> FloatArray:
    """Draw a number from 0 to 1 for each pair of cell and gene, always the same (SplitMix64).

    Examples
    --------
    >>> drawn = draw(np.arange(10_000), np.zeros(10_000, dtype=int))
    >>> bool(abs(drawn.mean() - 0.5) < 0.01)
    True
    """
    with np.errstate(over="ignore"):
        z = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z ^= (genes.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z ^= z >> np.uint64(31)
    drawn: FloatArray = (z >> np.uint64(11)).astype(np.float64) / 2.0**53
    return drawn


def corrected(source: Cells, *, layer: str | None = None) -> CellSource:
    """Open cells whose counts were corrected for ambient RNA (SoupX, CellBender, DecontX).

    Parameters
    ----------
    source
        AnnData or file.
    layer
        Layer with the corrected counts; ``"raw"`` for ``.raw``; None for ``X``.

    Returns
    -------
    CellSource
        To be given wherever cells are taken; fractions are rounded at random, true on average.

    Raises
    ------
    CountsError
        When values are negative, no numbers, normalised or logarithms.
    FileFormatError
        When the file is damaged.

    Examples
    --------
    >>> import anndata as ad
    >>> cells = ad.AnnData(np.array([[0.5, 3.0], [1.5, 0.0]]))
    >>> next(iter(corrected(cells).blocks(10))).data.sum() in {4.0, 5.0, 6.0}
    True
    """
    opened = open_source(source, layer=layer)
    for block in stretches(opened):
        if block.data.dtype.kind == "f" and (block.data != np.floor(block.data)).any():
            said = diagnose(block)
            if "normalised" in said.split(":")[0] or "log" in said.split(":")[0]:
                raise CountsError(
                    f"{opened.name} is declared to hold corrected counts. {said} Give corrected "
                    "counts from before normalisation."
                )
    return CorrectedSource(opened)
