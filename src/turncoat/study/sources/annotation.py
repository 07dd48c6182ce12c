"""What a file says of its cells and genes, as plain arrays: pandas is loaded only where it is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from turncoat.study.features import Features
from turncoat.study.sources.protocol import CellSource
from turncoat.tables import IntArray, TextArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes into its levels; -1: none."""

    codes: IntArray
    levels: Sequence[Any]

    @classmethod
    def of(cls, texts: TextArray) -> "Coded":
        """Code texts in order of appearance."""
        number: dict[str, int] = {}
        codes = (number.setdefault(text, len(number)) for text in texts.tolist())
        return cls(np.fromiter(codes, dtype=np.int64, count=texts.size), list(number))

    def by_appearance(self) -> "Coded":
        """Renumber the levels that occur in order of appearance."""
        first = np.full(len(self.levels) + 1, self.codes.size)
        # Of several places the last one written stays: the first.
        first[self.codes[::-1]] = np.arange(self.codes.size)[::-1]
        first = first[:-1]
        order = np.argsort(first, kind="stable")[: int((first < self.codes.size).sum())]
        place = np.full(first.size + 1, -1, dtype=np.int64)
        place[order] = np.arange(order.size)
        return Coded(place[self.codes], [self.levels[level] for level in order.tolist()])


StoredColumn: TypeAlias = "Coded | pd.Series[Any]"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Barcodes, and some columns of ``obs``."""

    barcodes: TextArray
    columns: Mapping[str, StoredColumn]


def features_of(source: CellSource) -> Features:
    """Names, ids and kinds of a source's columns."""
    own: Features | None = getattr(source, "features", None)
    if own is not None:
        return own
    var = source.var
    return Features(
        source.genes.to_numpy(dtype=object),
        var["ensembl"].to_numpy(dtype=object),
        var["kind"].to_numpy(dtype=object),
    )


def annotation_of(source: CellSource, columns: Sequence[str]) -> Annotation:
    """Read barcodes and some columns of ``obs``."""
    read = getattr(source, "read_annotation", None)
    if read is not None:
        own: Annotation = read(columns)
        return own
    frame = source.read_obs(columns)
    return Annotation(frame.index.to_numpy(dtype=object), {c: frame[c] for c in columns})
