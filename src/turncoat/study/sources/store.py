"""AnnData on disk, h5ad or zarr: the same groups and arrays, opened by two libraries."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import FileFormatError, MissingKeyError, did_you_mean
from turncoat.study.features import Features
from turncoat.study.sources import frames
from turncoat.study.sources.annotation import Annotation
from turncoat.study.sources.matrix import (
    CsrMatrix,
    DenseMatrix,
    Matrix,
    checked_pointers,
    csc_matrix,
)
from turncoat.study.sources.protocol import Block, CellSource
from turncoat.study.sources.reading import existing, reading

if TYPE_CHECKING:
    import pandas as pd

#: The layer name that reads ``.raw``.
RAW = "raw"


class StoreSource:
    """Cells of an AnnData file; subclasses say how to open it.

    Parameters
    ----------
    path
        The file or folder.
    layer
        A layer, ``"raw"`` for ``.raw``, or None for ``X``.
    """

    def __init__(self, path: Path, layer: str | None = None) -> None:
        self._path = existing(path)
        self.layer = layer
        # Opening what is asked for finds damage now, not in the middle of a run.
        with reading(self._path, "the AnnData file"):
            if "obs" not in self.root or "var" not in self.root:
                raise FileFormatError(
                    f"{self._path} holds {sorted(self.root)[:8]} but no 'obs' and 'var': it is no "
                    "AnnData file. Expected: h5ad or zarr written by AnnData, 10x h5, or loom."
                )
            if not hasattr(self.root["obs"], "keys"):
                raise FileFormatError(
                    f"{self._path} was written by AnnData before 0.7. Read it with anndata.read_h5ad "
                    "and write it again."
                )
            if self.matrix.shape != (self.n_cells, self.features.names.size):
                raise FileFormatError(
                    f"{self._path}: {self.where} has shape {self.matrix.shape}, but obs has "
                    f"{self.n_cells} cells and var {self.features.names.size} genes. Make the file again."
                )

    def open(self) -> Any:
        """Open the root group for reading."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "layer": self.layer}

    @functools.cached_property
    def root(self) -> Any:
        """The opened root group."""
        return self.open()

    @property
    def path(self) -> Path:
        """The file or folder."""
        return self._path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    @functools.cached_property
    def n_cells(self) -> int:
        """Number of rows."""
        obs = self.root["obs"]
        item = obs[frames.index_key(obs, f"{self._path}: obs")]
        return int((item["values"] if hasattr(item, "keys") else item).shape[0])

    @functools.cached_property
    def features(self) -> Features:
        """Names, Ensembl ids and kinds of the genes, where the file has them."""
        group = self.root["raw/var"] if self.where.startswith("raw/") else self.root["var"]
        where = f"{self._path}: var"
        with reading(self._path, "var"):
            names = frames.read_names(group, where)
            ensembl = frames.read_texts(group, frames.ENSEMBL_COLUMNS, names.size, where)
            kinds = frames.read_texts(group, frames.KIND_COLUMNS, names.size, where)
            return Features(names, ensembl, kinds)

    @property
    def genes(self) -> "pd.Index":
        """Gene names as the file has them."""
        return self.var.index

    @functools.cached_property
    def var(self) -> "pd.DataFrame":
        """Ensembl ids and kinds of the genes, where the file has them."""
        import pandas as pd

        own = self.features
        index = pd.Index(own.names, dtype=object)
        return pd.DataFrame({"ensembl": own.ensembl, "kind": own.kinds}, index=index)

    @property
    def obs(self) -> "pd.DataFrame":
        """All annotation of the cells."""
        return self.read_obs(self.obs_columns)

    @property
    def obs_columns(self) -> list[str]:
        """Names of the columns of ``obs``."""
        return frames.stored_columns(self.root["obs"], f"{self._path}: obs")

    def read_obs(self, columns: Sequence[str]) -> "pd.DataFrame":
        """Read some columns of ``obs``."""
        with reading(self._path, "obs"):
            return frames.read_frame(self.root["obs"], columns, f"{self._path}: obs")

    def read_annotation(self, columns: Sequence[str]) -> Annotation:
        """Read barcodes and some columns of ``obs`` as plain arrays."""
        with reading(self._path, "obs"):
            return frames.read_annotation(self.root["obs"], columns, f"{self._path}: obs")

    @property
    def synthetic(self) -> str:
        """How the data were made, where ``uns["turncoat"]["synthetic"]`` says so."""
        stored = self.root.get("uns/turncoat/synthetic", None)
        if stored is None:
            return ""
        value = stored[()]
        return value.decode() if isinstance(value, bytes) else str(value)

    @functools.cached_property
    def where(self) -> str:
        """Where in the file the matrix is: ``X``, ``layers/name`` or ``raw/X``."""
        layers = list(self.root.get("layers", []))
        if self.layer is None:
            if "X" not in self.root:
                raise MissingKeyError(f"{self._path} has no X; layers: {layers}. Name a layer.")
            return "X"
        if self.layer in layers:
            return f"layers/{self.layer}"
        if self.layer == RAW and "raw/X" in self.root:
            return "raw/X"
        known = [*layers, *([RAW] if "raw/X" in self.root else [])]
        raise MissingKeyError(
            f"{self._path} has no layer '{self.layer}'. {did_you_mean(self.layer, known)}"
            + ("" if known else "The file has X alone: leave layer out.")
        )

    @functools.cached_property
    def matrix(self) -> Matrix:
        """The matrix, opened, its pointers checked."""
        with reading(self._path, self.where):
            return stored_matrix(self.root[self.where], f"{self._path}: {self.where}")

    def blocks(
        self, rows_per_block: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order."""
        with reading(self._path, self.where):
            last = self.n_cells if stop is None else min(stop, self.n_cells)
            yield from self.matrix.blocks(rows_per_block, start, last)

    def alternatives(self) -> dict[str, CellSource]:
        """Other matrices of the same file, by the ``layer`` that reads them."""
        names = [*self.root.get("layers", []), RAW]
        others: dict[str, CellSource] = {}
        for name in names:
            if name == self.layer or (name == RAW and "raw/X" not in self.root):
                continue
            others[str(name)] = type(self)(self._path, str(name))
        return others


def stored_matrix(item: Any, where: str) -> Matrix:
    """Open a stored matrix: CSR, CSC or dense.

    Raises
    ------
    FileFormatError
        When it is none of these.
    """
    if not hasattr(item, "keys"):
        if item.ndim != 2:
            raise FileFormatError(f"{where} should have two dimensions; it has {item.ndim}.")
        return DenseMatrix(item, (int(item.shape[0]), int(item.shape[1])))
    attributes = dict(item.attrs)
    shape = attributes.get("shape", attributes.get("h5sparse_shape"))
    encoding = str(attributes.get("encoding-type", attributes.get("h5sparse_format", "")))
    if shape is None or encoding[:3] not in {"csr", "csc"}:
        raise FileFormatError(f"{where} is neither CSR, CSC nor dense (it says {encoding!r}).")
    n_cells, n_genes = (int(n) for n in np.asarray(shape))
    by_row = encoding.startswith("csr")
    data, indices = item["data"], item["indices"]
    if data.shape != indices.shape:
        raise FileFormatError(
            f"{where}: data holds {data.shape[0]} values but indices {indices.shape[0]}. "
            "The file is damaged or was cut: make it again."
        )
    pointers = checked_pointers(
        item["indptr"], n_cells if by_row else n_genes, int(data.shape[0]), where
    )
    kind = CsrMatrix if by_row else csc_matrix
    return kind(data, indices, pointers, (n_cells, n_genes), where)
