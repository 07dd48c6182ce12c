"""loom files: genes in rows, cells in columns, every value stored."""

from typing import Any

import pandas as pd

from turncoat.errors import FileFormatError, MissingKeyError, did_you_mean
from turncoat.study.sources.frames import ENSEMBL_COLUMNS, texts
from turncoat.study.sources.h5ad import open_hdf5
from turncoat.study.sources.matrix import DenseMatrix
from turncoat.study.sources.plain import PlainSource
from turncoat.study.sources.protocol import CellSource

#: What programs that write loom call the names of genes and cells.
GENE_NAMES = ("Gene", "gene_name", "gene_names", "var_names", "gene", "GeneName")
CELL_NAMES = ("CellID", "obs_names", "cell_names", "Barcode", "barcode", "cell_id")


class LoomSource(PlainSource):
    """Cells of a loom file; ``layer`` names one of its layers (``spliced``, say)."""

    def load(self) -> None:
        """Open the file and read names and annotation."""
        root = open_hdf5(self._path)
        self.var = self._genes(root["row_attrs"])
        self.obs = self._cells(root["col_attrs"])
        self._layers = list(root.get("layers", []))
        if self.layer is not None and self.layer not in self._layers:
            raise MissingKeyError(
                f"{self._path} has no layer '{self.layer}'. "
                f"{did_you_mean(self.layer, self._layers) or 'It has one matrix: leave layer out.'}"
            )
        stored = root["matrix"] if self.layer is None else root["layers"][self.layer]
        if tuple(stored.shape) != (len(self.var), len(self.obs)):
            raise FileFormatError(
                f"{self._path}: the matrix has shape {tuple(stored.shape)}, but there are "
                f"{len(self.var)} genes and {len(self.obs)} cells. Make or fetch the file again."
            )
        self.matrix = DenseMatrix(stored, (len(self.obs), len(self.var)), cells_first=False)

    def alternatives(self) -> dict[str, CellSource]:
        """Open the layers that were not asked for."""
        return {n: LoomSource(self._path, n) for n in self._layers if n != self.layer}

    def _names(self, attributes: Any, known: tuple[str, ...], what: str) -> pd.Index:
        found = next((name for name in known if name in attributes), None)
        if found is None:
            raise FileFormatError(
                f"{self._path} does not name its {what}: expected one of {list(known)}, found "
                f"{list(attributes)}. Rename the attribute in the file."
            )
        return pd.Index(texts(attributes[found]), dtype=object)

    def _genes(self, attributes: Any) -> pd.DataFrame:
        index = self._names(attributes, GENE_NAMES, "genes")
        found = next((name for name in ENSEMBL_COLUMNS if name in attributes), None)
        ensembl = "" if found is None else texts(attributes[found])
        return pd.DataFrame({"ensembl": ensembl, "kind": ""}, index=index)

    def _cells(self, attributes: Any) -> pd.DataFrame:
        index = self._names(attributes, CELL_NAMES, "cells")
        columns = {}
        for name in attributes:
            item = attributes[name]
            if name not in CELL_NAMES and item.ndim == 1:
                columns[name] = texts(item) if item.dtype.kind in "SO" else item[...]
        return pd.DataFrame(columns, index=index)
