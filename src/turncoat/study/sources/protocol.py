"""What every file of cells looks like to the rest of the house: blocks of rows in CSR form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from turncoat.tables import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive cells of one source, as the three arrays of a CSR matrix.

    Parameters
    ----------
    start
        Row number of the first cell within its source.
    data
        Stored values, shape ``(n_stored,)``, as they are in the file.
    indices
        Gene number of each value, shape ``(n_stored,)``, integers of any width.
    indptr
        Where each cell's values begin, shape ``(n_cells + 1,)``, starting at 0.
    """

    start: int
    data: FloatArray
    indices: IntArray
    indptr: IntArray

    @property
    def n_cells(self) -> int:
        """Number of cells in the block."""
        return int(self.indptr.size - 1)


class CellSource(Protocol):
    """One file (or AnnData) of raw counts that can be read in blocks of rows.

    Implementations never hold the whole matrix, accept any legal index types, and raise
    :class:`turncoat.errors.FileFormatError` naming the file, dataset and chunk when damaged.
    """

    @property
    def path(self) -> Path | None:
        """The file, or None for an AnnData in memory."""

    @property
    def name(self) -> str:
        """How messages and tables call this source."""

    @property
    def n_cells(self) -> int:
        """Number of rows."""

    @property
    def genes(self) -> "pd.Index":
        """Gene names as the file has them, one per column, possibly repeated."""

    @property
    def var(self) -> "pd.DataFrame":
        """What else the file says of its genes: index ``genes``, texts ``ensembl`` and ``kind``.

        Both are empty where the file is silent; ``kind`` follows 10x ("Gene Expression",
        "Antibody Capture").
        """

    @property
    def obs(self) -> "pd.DataFrame":
        """Annotation of the cells as the file has it; the index is the barcode."""

    @property
    def obs_columns(self) -> list[str]:
        """Names of the columns of ``obs``, known without reading them."""

    def read_obs(self, columns: Sequence[str]) -> "pd.DataFrame":
        """Read some columns of ``obs``; the index is the barcode."""

    @property
    def synthetic(self) -> str:
        """How the data were made, where the file says that they are not measured."""

    def alternatives(self) -> dict[str, "CellSource"]:
        """Other matrices of the same file, by the ``layer`` that reads them."""

    def blocks(
        self, rows_per_block: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order, at most ``rows_per_block`` at a time."""
