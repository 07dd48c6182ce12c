"""What the formats without an AnnData inside have in common."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from turncoat.errors import MissingKeyError, did_you_mean
from turncoat.study.sources.matrix import Matrix
from turncoat.study.sources.protocol import Block, CellSource
from turncoat.study.sources.reading import existing, reading


class PlainSource:
    """Cells of a file with one matrix, gene names and barcodes.

    Subclasses set ``matrix``, ``var`` and ``obs`` in :meth:`load`.

    Parameters
    ----------
    path
        The file or folder.
    layer
        A layer, where the format has them.
    """

    matrix: Matrix
    var: pd.DataFrame
    obs: pd.DataFrame

    def __init__(self, path: Path, layer: str | None = None) -> None:
        self._path = existing(path)
        self.layer = layer
        with reading(self._path, "the file"):
            self.load()

    def load(self) -> None:
        """Open the file, read names, and prepare the matrix."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "layer": self.layer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).__init__(self, state["path"], state["layer"])

    @property
    def path(self) -> Path:
        """The file or folder."""
        return self._path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.obs)

    @property
    def genes(self) -> pd.Index:
        """Gene names as the file has them."""
        return self.var.index

    @property
    def obs_columns(self) -> list[str]:
        """Names of the columns of ``obs``."""
        return [str(name) for name in self.obs.columns]

    def read_obs(self, columns: Sequence[str]) -> pd.DataFrame:
        """Take some columns of ``obs``."""
        for name in columns:
            if name not in self.obs.columns:
                raise MissingKeyError(
                    f"{self._path} has no column '{name}'. {did_you_mean(name, self.obs_columns)}"
                )
        return self.obs[list(columns)]

    @property
    def synthetic(self) -> str:
        """Nothing: these formats do not say."""
        return ""

    def blocks(
        self, rows_per_block: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Block]:
        """Read rows ``start`` to ``stop`` in order."""
        last = self.n_cells if stop is None else min(stop, self.n_cells)
        with reading(self._path, "the matrix"):
            yield from self.matrix.blocks(rows_per_block, start, last)

    def alternatives(self) -> dict[str, CellSource]:
        """No other matrices."""
        return {}

    def refuse_layer(self) -> None:
        """Say that the format has a single matrix.

        Raises
        ------
        MissingKeyError
            When a layer was asked for.
        """
        if self.layer is not None:
            raise MissingKeyError(
                f"{self._path} has one matrix and no layer '{self.layer}': leave layer out."
            )
