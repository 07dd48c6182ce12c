"""An AnnData in memory, or one that stands for a file."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.study.sources import frames
from turncoat.study.sources.matrix import (
    CsrMatrix,
    DenseMatrix,
    Matrix,
    checked_pointers,
    csc_matrix,
)
from turncoat.study.sources.protocol import Block, CellSource
from turncoat.study.sources.store import RAW

if TYPE_CHECKING:
    import anndata as ad


@dataclass(frozen=True)
class MemorySource:
    """Cells of an AnnData.

    Parameters
    ----------
    adata
        The cells. Nothing of it is copied or changed.
    layer
        A layer, ``"raw"`` for ``.raw``, or None for ``X``.
    """

    adata: "ad.AnnData"
    layer: str | None = None

    def __post_init__(self) -> None:
        if self.adata.isbacked and self.adata.is_view:
            raise ArgumentError(
                "A view of an AnnData on disk cannot be read in blocks: give the file's path, or "
                "adata.to_memory()."
            )
        _ = self.matrix

    @property
    def path(self) -> Path | None:
        """The file behind a backed AnnData."""
        return Path(self.adata.filename) if self.adata.isbacked else None

    @property
    def name(self) -> str:
        """How messages call it."""
        return "adata" if self.path is None else self.path.name

    @property
    def n_cells(self) -> int:
        """Number of rows."""
        return int(self.adata.n_obs)

    @property
    def genes(self) -> pd.Index:
        """Gene names."""
        return self.var.index

    @property
    def var(self) -> pd.DataFrame:
        """Ensembl ids and kinds of the genes, where there are any."""
        stored = self._raw.var if self._reads_raw else self.adata.var
        return frames.gene_table(stored)

    @property
    def obs(self) -> pd.DataFrame:
        """Annotation of the cells."""
        frame: pd.DataFrame = self.adata.obs
        return frame

    @property
    def obs_columns(self) -> list[str]:
        """Names of the columns of ``obs``."""
        return [str(name) for name in self.adata.obs.columns]

    def read_obs(self, columns: Sequence[str]) -> pd.DataFrame:
        """Take some columns of ``obs``."""
        for name in columns:
            if name not in self.adata.obs.columns:
                hint = did_you_mean(name, self.obs_columns)
                raise MissingKeyError(f"adata.obs has no column '{name}'. {hint}")
        return self.obs[list(columns)].set_axis(self.obs.index.astype(str))

    @property
    def synthetic(self) -> str:
        """How the data were made, where ``uns["turncoat"]["synthetic"]`` says so."""
        return str(self.adata.uns.get("turncoat", {}).get("synthetic", ""))

    @property
    def _raw(self) -> Any:
        return self.adata.raw

    @property
    def _reads_raw(self) -> bool:
        return self.layer == RAW and RAW not in self.adata.layers and self._raw is not None

    @functools.cached_property
    def matrix(self) -> Matrix:
        """The matrix that is read."""
        return as_matrix(self._values(), self.name)

    def _values(self) -> Any:
        if self.layer is None:
            if self.adata.X is None:
                known = list(filter(None, self.adata.layers))
                raise MissingKeyError(f"adata has no X; layers: {known}. Name a layer.")
            return self.adata.X
        if self._reads_raw:
            return self._raw.X
        if self.layer not in self.adata.layers:
            known = [*filter(None, self.adata.layers), *([RAW] if self._raw is not None else [])]
            raise MissingKeyError(
                f"adata has no layer '{self.layer}'. {did_you_mean(self.layer, known)}"
            )
        return self.adata.layers[self.layer]

    def blocks(
        self, rows_per_block: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order."""
        last = self.n_cells if stop is None else min(stop, self.n_cells)
        yield from self.matrix.blocks(rows_per_block, start, last)

    def alternatives(self) -> dict[str, CellSource]:
        """Other matrices of the same AnnData, by the ``layer`` that reads them."""
        names = [*filter(None, self.adata.layers), *([RAW] if self._raw is not None else [])]
        return {name: MemorySource(self.adata, name) for name in names if name != self.layer}


@dataclass(frozen=True, slots=True)
class SlicedMatrix:
    """Anything that gives rows when sliced, Dask arrays among them."""

    values: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cells and genes."""
        return (int(self.values.shape[0]), int(self.values.shape[1]))

    def blocks(self, rows_per_block: int, start: int, stop: int) -> Iterator[Block]:
        """Slice and, where needed, compute one block of rows after the other."""
        for first in range(start, stop, rows_per_block):
            last = min(first + rows_per_block, stop)
            part = self.values[first:last]
            part = part.compute() if hasattr(part, "compute") else part
            for block in as_matrix(part, "X").blocks(rows_per_block, 0, last - first):
                yield Block(first + block.start, block.data, block.indices, block.indptr)


def as_matrix(values: Any, where: str) -> Matrix:
    """Wrap a matrix in memory: NumPy, SciPy sparse, or what can be sliced."""
    shape = (int(values.shape[0]), int(values.shape[1]))
    if isinstance(values, np.ndarray):
        return DenseMatrix(values, shape)
    stored = getattr(values, "format", "")
    if stored not in {"csr", "csc"} or not isinstance(getattr(values, "indptr", None), np.ndarray):
        return SlicedMatrix(values)
    by_row = stored == "csr"
    pointers = checked_pointers(values.indptr, shape[not by_row], int(values.data.size), where)
    kind = CsrMatrix if by_row else csc_matrix
    return kind(values.data, values.indices, pointers, shape, where)
