"""Synthetic cells for the benchmarks, written as a stream: negative-binomial-like counts.

``python benchmarks/cells.py 100000 FILE.h5ad`` writes 100,000 cells × 20,000 genes, about 8 % of
the entries stored (160 million), 24 donors, 12 populations, 288 groups, gzip as AnnData writes it.
A file of a million repeats the matrix of the first 100,000 cells ten times (the same compressed
chunks, which are read and unpacked all the same) under labels of its own.
"""

import argparse
import sys
import zlib
from pathlib import Path
from typing import Any

import h5py
import numba
import numpy as np
import pandas as pd

from turncoat.knowledge.registry import read_table

N_GENES = 20_000
N_DONORS, N_POPULATIONS = 24, 12
CHUNK = 39_063
PART = 100_000
BATCH = 2_000
LEVEL = 4


@numba.njit(cache=True, nogil=True)
def draw(
    rng: Any, depth: Any, population: Any, profile: Any, values: Any, genes: Any, indptr: Any
) -> int:
    """Draw Poisson counts given each cell's depth, by inversion; returns how many are stored."""
    place = 0
    for cell in range(depth.size):
        rates = profile[population[cell]]
        for gene in range(rates.size):
            rate = rates[gene] * depth[cell]
            u = rng.random()
            term = np.exp(-rate)
            if u <= term:
                continue
            total, count = term, 0
            while u > total and count < 500:
                count += 1
                term *= rate / count
                total += term
            values[place] = count
            genes[place] = gene
            place += 1
        indptr[cell + 1] = place
    return place


def profiles(rng: np.random.Generator) -> np.ndarray:
    """Mean expression of each population: log-normal genes, a tenth of them markers."""
    base = rng.lognormal(-1.0, 2.2, N_GENES)
    made = []
    for _ in range(N_POPULATIONS):
        marker = np.where(rng.random(N_GENES) < 0.1, rng.lognormal(0, 1.2, N_GENES), 1.0)
        made.append(base * marker / (base * marker).sum())
    return np.array(made)


class Column:
    """A gzip column that is filled in order, chunk by chunk, already compressed."""

    def __init__(self, group: Any, name: str, dtype: Any, *, plain: bool = False) -> None:
        options = {} if plain else {"compression": "gzip", "compression_opts": LEVEL}
        self.dataset = group.create_dataset(
            name, shape=(0,), maxshape=(None,), chunks=(CHUNK,), dtype=dtype, **options
        )
        self.kept, self.dtype, self.plain = np.empty(0, dtype), dtype, plain
        self.chunks: list[bytes] = []

    def add(self, values: np.ndarray) -> None:
        """Add values; whole chunks are compressed at once."""
        values = np.concatenate([self.kept, values.astype(self.dtype)])
        whole = values.size // CHUNK * CHUNK
        for begin in range(0, whole, CHUNK):
            raw = values[begin : begin + CHUNK].tobytes()
            self.put(raw if self.plain else zlib.compress(raw, LEVEL))
        self.kept = values[whole:]

    def put(self, chunk: bytes) -> None:
        """Write one compressed chunk."""
        begin = len(self.chunks) * CHUNK
        self.dataset.resize((begin + CHUNK,))
        self.dataset.id.write_direct_chunk((begin,), chunk)
        self.chunks.append(chunk)


def categorical(group: Any, name: str, values: np.ndarray) -> None:
    """Write a column of texts as AnnData does."""
    levels, codes = np.unique(values, return_inverse=True)
    column = group.create_group(name)
    column.attrs.update(
        {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False}
    )
    column.create_dataset("codes", data=codes.astype(np.int8))
    texts(column, "categories", levels)


def texts(group: Any, name: str, values: Any) -> None:
    """Write an array of texts as AnnData does."""
    item = group.create_dataset(
        name, data=np.array(values, dtype=object), dtype=h5py.string_dtype(), compression="gzip"
    )
    item.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def write_cells(path: Path, n_cells: int, *, seed: int = 1, plain: bool = False) -> None:
    """Write ``n_cells`` cells to an h5ad file (gzip-4, or uncompressed with ``plain``)."""
    rng = np.random.default_rng(seed)
    n_drawn = min(n_cells, PART)
    donor, population = rng.integers(0, N_DONORS, n_cells), rng.integers(0, N_POPULATIONS, n_cells)
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        matrix = file.create_group("X")
        matrix.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        matrix.attrs["shape"] = np.array([n_cells, N_GENES])
        stored = write_matrix(matrix, rng, population[:n_drawn], plain=plain)
        indptr = repeat(stored, n_cells // n_drawn)
        matrix.create_dataset("indptr", data=indptr)
        write_labels(file, donor, population)


def write_matrix(matrix: Any, rng: Any, population: np.ndarray, *, plain: bool) -> Any:
    """Draw and write the cells of the first part; the stored values end with a chunk."""
    data, indices = (
        Column(matrix, "data", np.float32, plain=plain),
        Column(matrix, "indices", np.int32, plain=plain),
    )
    profile = profiles(rng)
    values = np.empty(BATCH * N_GENES // 3, np.float32)
    genes = np.empty(values.size, np.int32)
    pointers = [np.zeros(1, np.int64)]
    for begin in range(0, population.size, BATCH):
        own = population[begin : begin + BATCH]
        depth = rng.lognormal(np.log(3200), 0.35, own.size)
        indptr = np.zeros(own.size + 1, np.int64)
        n = draw(rng, depth, own, profile, values, genes, indptr)
        data.add(values[:n])
        indices.add(genes[:n])
        pointers.append(pointers[-1][-1] + indptr[1:])
    # What does not fill a chunk is left out: the last cells are cut short by a few values.
    indptr = np.minimum(np.concatenate(pointers), len(data.chunks) * CHUNK)
    return data, indices, indptr


def repeat(stored: Any, times: int) -> np.ndarray:
    """Write the same chunks again, ``times`` in all; gives the pointers."""
    data, indices, indptr = stored
    for column in (data, indices):
        first = list(column.chunks)
        for _ in range(times - 1):
            for chunk in first:
                column.put(chunk)
    steps = np.concatenate([np.diff(indptr)] * times)
    return np.concatenate([[0], np.cumsum(steps)])


def write_labels(file: Any, donor: np.ndarray, population: np.ndarray) -> None:
    """Write obs and var."""
    obs, var = file.create_group("obs"), file.create_group("var")
    for frame, columns in ((obs, ["donor", "population"]), (var, [])):
        frame.attrs.update(
            {"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"}
        )
        frame.attrs["column-order"] = np.array(columns, dtype=h5py.string_dtype())
    texts(obs, "_index", [f"cell{i:07d}" for i in range(donor.size)])
    categorical(obs, "donor", np.array([f"donor{d:02d}" for d in range(N_DONORS)])[donor])
    categorical(
        obs, "population", np.array([f"type{p:02d}" for p in range(N_POPULATIONS)])[population]
    )
    table = read_table("gene_ids")
    human = pd.unique(table.loc[table["species"] == "human", "symbol"])[:N_GENES]
    texts(var, "_index", list(human))
    for name in ("layers", "obsm", "obsp", "uns", "varm", "varp"):
        file.create_group(name).attrs.update({"encoding-type": "dict", "encoding-version": "0.1.0"})


def main() -> int:
    """Write a file as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_cells", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--plain", action="store_true", help="not compressed")
    chosen = parser.parse_args()
    new = chosen.path.with_suffix(".new")
    write_cells(new, chosen.n_cells, plain=chosen.plain)
    new.replace(chosen.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
