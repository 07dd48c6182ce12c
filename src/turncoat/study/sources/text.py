"""Tables of counts as text: CSV or TSV, gzipped or not, genes in columns or in rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from turncoat.errors import FileFormatError
from turncoat.study.genes import looks_like_genes
from turncoat.study.sources.gather import Triple
from turncoat.study.sources.matrix import GatheredMatrix
from turncoat.study.sources.mtx import open_text
from turncoat.study.sources.plain import PlainSource
from turncoat.study.sources.reading import reading
from turncoat.study.sources.spool import Spool

ENDINGS = (".csv", ".tsv", ".txt", ".tab")
CELLS_PER_READ = 2_000_000
ROWS_SNIFFED = 50


class TextSource(PlainSource):
    """Cells of a table of counts; its first column and first line are names.

    Which of the two are genes is told from the names. With cells in rows, columns that hold text
    are annotation of the cells.
    """

    def load(self) -> None:
        """Read names and tell genes from cells."""
        self.refuse_layer()
        self._columns, self._separator = self._read_header()
        sniffed = self._sniff()
        in_columns = looks_like_genes(self._columns)
        in_rows = looks_like_genes([str(name) for name in sniffed.index])
        if in_columns == in_rows == 0:
            raise FileFormatError(
                f"{self._path}: neither the first line ({self._columns[:3]} …) nor the first column "
                f"({list(sniffed.index[:3])} …) are human or mouse gene symbols or Ensembl ids. "
                "Expected a table of counts, genes × cells or cells × genes, with both names."
            )
        self._cells_in_rows = in_columns >= in_rows
        texts = [place for place, kind in enumerate(sniffed.dtypes) if not is_numeric_dtype(kind)]
        if not self._cells_in_rows and texts:
            raise FileFormatError(
                f"{self._path}: genes are in rows, so every further column should hold counts, but "
                f"'{self._columns[texts[0]]}' holds {sniffed.iloc[0, texts[0]]!r}. Take it out."
            )
        self._refuse_genes_of_text(sniffed, texts)
        self._counted = [place for place in range(len(self._columns)) if place not in set(texts)]
        lines = self._read_names(texts)
        counted = pd.Index([self._columns[place] for place in self._counted], dtype=object)
        names, genes = (lines.index, counted) if self._cells_in_rows else (counted, lines.index)
        self.obs = lines.set_axis(names) if self._cells_in_rows else pd.DataFrame(index=names)
        self.var = pd.DataFrame({"ensembl": "", "kind": ""}, index=genes)
        shape = (len(self.obs), len(self.var))
        self.matrix = GatheredMatrix(self._spool, shape, str(self._path))

    def _refuse_genes_of_text(self, sniffed: pd.DataFrame, texts: list[int]) -> None:
        """Refuse text where a count is expected, rather than lose a gene as annotation."""
        for place in texts:
            if looks_like_genes([self._columns[place]]):
                self._numbers(sniffed[[place]])

    def _read_header(self) -> tuple[list[str], str]:
        with open_text(self._path) as stream:
            header, line = stream.readline().rstrip("\r\n"), stream.readline().rstrip("\r\n")
        if not line:
            raise FileFormatError(f"{self._path} has fewer than two lines: it holds no counts.")
        separator = max("\t,;", key=header.count)
        names = [name.strip().strip('"') for name in header.split(separator)]
        width = len(line.split(separator))
        if len(names) not in {width, width - 1} or width < 2:
            raise FileFormatError(
                f"{self._path}: the first line has {len(names)} fields and the second {width}. "
                "Expected a table separated by commas, tabs or semicolons."
            )
        # R's write.table leaves the corner out: then the first line is one field shorter.
        return (names if len(names) == width - 1 else names[1:]), separator

    def _chunks(self, rows: int, **options: Any) -> Iterator[pd.DataFrame]:
        """Read lines, columns numbered from 0, the first field as the index."""
        with open_text(self._path) as stream:
            # Numbers as names: the file's own may repeat.
            names = ["name", *(str(place) for place in range(len(self._columns)))]
            for chunk in pd.read_csv(
                stream,
                sep=self._separator,
                header=None,
                skiprows=1,
                names=names,
                index_col="name",
                chunksize=rows,
                **options,
            ):
                yield chunk.set_axis([int(name) for name in chunk.columns], axis=1)

    def _sniff(self) -> pd.DataFrame:
        return next(self._chunks(ROWS_SNIFFED))

    def _read_names(self, texts: list[int]) -> pd.DataFrame:
        """Read the first column, and the annotation of cells, alone."""
        wanted = ["name", *(str(place) for place in texts)]
        table = pd.concat(list(self._chunks(CELLS_PER_READ, usecols=wanted, dtype=str)))
        table.columns = pd.Index([self._columns[place] for place in texts], dtype=object)
        return table.set_axis(pd.Index(table.index.astype(str), dtype=object, name=None))

    def _spool(self) -> Spool:
        with reading(self._path, "the counts"):
            return Spool(self._parse())

    def _parse(self) -> Iterator[Triple]:
        first = 0  # line
        for chunk in self._chunks(max(1, CELLS_PER_READ // max(1, len(self._counted)))):
            values = self._numbers(chunk[self._counted])
            lines, columns = np.nonzero(values)
            stored = values[lines, columns]
            lines = lines + first
            first += len(chunk)
            yield (lines, columns, stored) if self._cells_in_rows else (columns, lines, stored)

    def _numbers(self, chunk: pd.DataFrame) -> Any:
        texts = [place for place in chunk.columns if not is_numeric_dtype(chunk[place].dtype)]
        if texts:
            column = chunk[texts[0]]
            bad = int(pd.to_numeric(column, errors="coerce").isna().to_numpy().argmax())
            raise FileFormatError(
                f"{self._path}: column '{self._columns[int(texts[0])]}' holds "
                f"{column.iloc[bad]!r} in line '{column.index[bad]}', where a count is expected."
            )
        return chunk.to_numpy(dtype=np.float64)
