"""A planted study written to h5ad or zarr while its cells are drawn."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.study.planted.atlas import NAMES
from turncoat.study.planted.cells import CellBlock
from turncoat.study.planted.sink import Growing, H5Column, ZarrColumn

if TYPE_CHECKING:
    import anndata as ad

Maker = Callable[[Any, str, Any], Growing]

SUFFIXES = (".h5ad", ".zarr")


def barcodes(block: CellBlock, sample: str) -> list[str]:
    """Names of a block's cells."""
    return [f"{sample}_{block.start + cell:08d}" for cell in range(block.population.size)]


def write_cells(
    empty: "ad.AnnData",
    samples: pd.DataFrame,
    drawn: Iterable[CellBlock],
    path: Path,
    *,
    compression: int,
    n_threads: int,
) -> None:
    """Write blocks of cells as they come.

    Parameters
    ----------
    empty
        Holds ``var`` and ``uns`` and no cells.
    samples
        Donor, sample, tissue and condition of every sample.
    drawn
        Blocks of cells, in order.
    path
        A new ``.h5ad`` file or ``.zarr`` folder; appears when it is complete.
    compression
        zlib level of an h5ad file, 0 for none; zarr keeps its default.
    n_threads
        Threads that compress.

    Raises
    ------
    ArgumentError
        When the path ends in something else.
    """
    if path.suffix not in SUFFIXES:
        raise ArgumentError(f"Cells are written to {SUFFIXES}; got path='{path}'.")
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")
    opened = _h5ad if path.suffix == ".h5ad" else _zarr
    with opened(partial, empty, compression, n_threads) as (root, make):
        _fill(root, make, samples, drawn, empty.n_vars)
    if path.is_dir():
        shutil.rmtree(path)
    partial.replace(path)


@contextmanager
def _h5ad(
    path: Path, empty: "ad.AnnData", compression: int, n_threads: int
) -> Iterator[tuple[Any, Maker]]:
    from anndata.io import write_elem

    with h5py.File(path, "w") as file, ThreadPoolExecutor(n_threads) as pool:
        write_elem(file, "/", empty)
        yield file, lambda group, name, dtype: H5Column(group, name, dtype, compression, pool)


@contextmanager
def _zarr(
    path: Path, empty: "ad.AnnData", compression: int, n_threads: int
) -> Iterator[tuple[Any, Maker]]:
    import anndata
    import zarr

    del compression, n_threads
    root = zarr.open_group(path, mode="w", zarr_format=3)
    anndata.io.write_elem(root, "/", empty)
    yield root, ZarrColumn


def _fill(
    root: Any, make: Maker, samples: pd.DataFrame, drawn: Iterable[CellBlock], n_genes: int
) -> None:
    for name in ("X", "obs"):
        if name in root:
            del root[name]
    matrix, obs = root.create_group("X"), root.create_group("obs")
    stored = {
        name: make(matrix, name, dtype)
        for name, dtype in (("data", np.float32), ("indices", np.int32), ("indptr", np.int64))
    }
    names = make(obs, "_index", str)
    codes = {name: make(obs.create_group(name), "codes", np.int16) for name in _CATEGORIES}
    cycling = make(obs, "cycling", np.bool_)
    lookup = {name: pd.Categorical(samples[name]) for name in _OF_SAMPLE}
    n_stored, n_cells = 0, 0
    stored["indptr"].append(np.zeros(1, dtype=np.int64))
    for block in drawn:
        stored["data"].append(block.data)
        stored["indices"].append(block.indices)
        stored["indptr"].append(block.indptr[1:] + n_stored)
        n_stored, n_cells = n_stored + block.data.size, n_cells + block.population.size
        names.append(np.array(barcodes(block, samples["sample"].iloc[block.sample]), dtype=object))
        for name, values in lookup.items():
            codes[name].append(np.full(block.population.size, values.codes[block.sample]))
        codes["population"].append(block.population)
        cycling.append(block.cycling)
    for column in (*stored.values(), names, *codes.values(), cycling):
        column.close()
    matrix.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [n_cells, n_genes]}
    )
    _finish_obs(obs, lookup, (names, cycling, *codes.values()))


def _finish_obs(obs: Any, lookup: dict[str, pd.Categorical], columns: tuple[Growing, ...]) -> None:
    from anndata.io import write_elem

    array = {"encoding-type": "array", "encoding-version": "0.2.0"}
    for column in columns:
        column.attrs.update(array)
    columns[0].attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    categories = {name: values.categories for name, values in lookup.items()}
    for name, known in {**categories, "population": pd.Index(NAMES)}.items():
        write_elem(obs[name], "categories", known.to_numpy(dtype=object))
        obs[name].attrs.update(
            {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False}
        )
    obs.attrs.update(
        {
            "encoding-type": "dataframe",
            "encoding-version": "0.2.0",
            "_index": "_index",
            "column-order": [*_CATEGORIES, "cycling"],
        }
    )


_OF_SAMPLE = ("donor", "sample", "tissue", "condition")
_CATEGORIES = (*_OF_SAMPLE, "population")
