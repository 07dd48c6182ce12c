"""Folders with a Matrix Market file: 10x ``matrix.mtx``, features or genes, barcodes."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from turncoat.errors import FileFormatError, MissingFileError
from turncoat.study.sources.gather import Triple
from turncoat.study.sources.matrix import VALUES_PER_READ, GatheredMatrix
from turncoat.study.sources.plain import PlainSource
from turncoat.study.sources.reading import reading
from turncoat.study.sources.spool import Spool

MATRIX = ("matrix.mtx", "matrix.mtx.gz", ".mtx", ".mtx.gz")
FEATURES = ("features.tsv", "features.tsv.gz", "genes.tsv", "genes.tsv.gz")
BARCODES = ("barcodes.tsv", "barcodes.tsv.gz")


def open_text(path: Path) -> IO[str]:
    """Open a text, gzipped or not."""
    if path.suffix == ".gz":
        from isal import igzip

        return io.TextIOWrapper(igzip.open(path, "rb"), encoding="utf-8")
    return path.open(encoding="utf-8")


class MtxSource(PlainSource):
    """Cells of a folder with matrix, features and barcodes."""

    def load(self) -> None:
        """Read names and the header of the matrix."""
        self.refuse_layer()
        self._mtx = self._find(MATRIX, "matrix")
        features = self._table(self._find(FEATURES, "features"))
        named = features.shape[1] > 1  # else a single column: symbols or ids
        self.var = pd.DataFrame(
            {
                "ensembl": features[0].to_numpy() if named else "",
                "kind": features[2].to_numpy() if features.shape[1] > 2 else "",
            },
            index=pd.Index(features[int(named)], dtype=object, name=None),
        )
        barcodes = self._table(self._find(BARCODES, "barcodes"))[0]
        self.obs = pd.DataFrame(index=pd.Index(barcodes, dtype=object, name=None))
        self._genes_first, self._n_values, self._header_lines = self._header()
        shape = (len(self.obs), len(self.var))
        self.matrix = GatheredMatrix(self._spool, shape, str(self._mtx))

    def _find(self, endings: tuple[str, ...], what: str) -> Path:
        for ending in endings:
            found = sorted(child for child in self._path.iterdir() if child.name.endswith(ending))
            if len(found) > 1:
                raise FileFormatError(
                    f"{self._path} holds {len(found)} files called …{ending}: one folder a sample "
                    f"is expected. Found: {[child.name for child in found[:5]]}."
                )
            if found:
                return found[0]
        raise MissingFileError(
            f"{self._path} has no {what} file: expected a name ending in one of {list(endings)}, "
            f"found {sorted(child.name for child in self._path.iterdir())[:8]}."
        )

    @staticmethod
    def _table(path: Path) -> pd.DataFrame:
        with open_text(path) as stream:
            return pd.read_csv(
                stream, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=3
            )

    def _header(self) -> tuple[bool, int, int]:
        with open_text(self._mtx) as stream:
            first = stream.readline().split()
            kind = [word.lower() for word in first]
            if len(kind) < 5 or kind[0] != "%%matrixmarket" or kind[2] != "coordinate":
                raise FileFormatError(
                    f"{self._mtx} does not begin like a sparse Matrix Market file "
                    f"(%%MatrixMarket matrix coordinate …) but with {' '.join(first)[:60]!r}."
                )
            if kind[3] not in {"integer", "real"} or kind[4] != "general":
                raise FileFormatError(
                    f"{self._mtx} should hold 'integer general' values; it says {kind[3:5]}."
                )
            line, n_lines = stream.readline(), 2
            while line.startswith("%") or not line.strip():
                if not line:
                    raise FileFormatError(f"{self._mtx} ends before its sizes: fetch it again.")
                line, n_lines = stream.readline(), n_lines + 1
            n_rows, n_columns, n_values = (int(word) for word in line.split())
        n_genes, n_cells = len(self.var), len(self.obs)
        if (n_rows, n_columns) not in {(n_genes, n_cells), (n_cells, n_genes)}:
            raise FileFormatError(
                f"{self._mtx} is {n_rows} × {n_columns}, but there are {n_genes} features and "
                f"{n_cells} barcodes. Are the three files of the same sample?"
            )
        return (n_rows, n_columns) == (n_genes, n_cells), n_values, n_lines

    def _spool(self) -> Spool:
        with reading(self._mtx, "the values"):
            return Spool(self._parse())

    def _parse(self) -> Iterator[Triple]:
        seen = 0
        if self._n_values == 0:
            return
        with open_text(self._mtx) as stream:
            for _ in range(self._header_lines):
                stream.readline()
            for chunk in pd.read_csv(
                stream,
                sep=r"\s+",
                header=None,
                names=["row", "column", "value"],
                dtype={"row": np.int64, "column": np.int64, "value": np.float64},
                chunksize=VALUES_PER_READ,
            ):
                seen += len(chunk)
                genes, cells = chunk["row"].to_numpy() - 1, chunk["column"].to_numpy() - 1
                if not self._genes_first:
                    genes, cells = cells, genes
                self._check(genes, len(self.var), "gene")
                self._check(cells, len(self.obs), "cell")
                yield cells, genes, chunk["value"].to_numpy()
        if seen != self._n_values:
            raise FileFormatError(
                f"{self._mtx} should hold {self._n_values:,} values and ends after {seen:,}: the "
                "file was cut. Fetch it again."
            )

    def _check(self, numbers: "np.typing.NDArray[np.int64]", n: int, what: str) -> None:
        if numbers.size and (numbers.min() < 0 or numbers.max() >= n):
            raise FileFormatError(
                f"{self._mtx} names {what} {int(numbers.max()) + 1}, but there are {n} (counted "
                "from 1). Are the three files of the same sample?"
            )
