"""Legal but awkward files: every layout gives the tally of the cells in it."""

import itertools
import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pytest
from scipy import sparse

import turncoat as tc
from study.cells import make_cells as labelled_cells
from study.formats import FORMATS
from tally.cells import KEYS, close_to_oracle, make_cells, oracle, same_bits, write
from turncoat.errors import FileFormatError
from turncoat.study import open_source, plan_cells, plan_sources
from turncoat.study.labels import CellKeys
from turncoat.study.plan import PlanOptions
from turncoat.study.sources import fast_arrays, gather, matrix
from turncoat.study.sources.bands import bands_of
from turncoat.study.sources.fast_arrays import ChunkedHdf5, ContiguousHdf5, Sliced, Window
from turncoat.tally import count_plan
from turncoat.tally.budget import Budget
from turncoat.tally.build import build_tally
from turncoat.tally.packed import Packer
from turncoat.tally.readers import open_reader


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return make_cells(300, seed=3)


@pytest.fixture(scope="module")
def expected(cells: ad.AnnData) -> ad.AnnData:
    return tc.pp.tally(cells, **KEYS)


def rewrite(path: Path, **options: Any) -> None:
    """Store data and indices of an h5ad file again, in another way."""
    types = {"data": options.pop("data_type", None), "indices": options.pop("index_type", None)}
    with h5py.File(path, "r+") as file:
        for name, dtype in types.items():
            values = file["X"][name][:]
            del file["X"][name]
            file["X"].create_dataset(name, data=values.astype(dtype or values.dtype), **options)


LAYOUTS: list[dict[str, Any]] = [
    {},
    {"chunks": (64,)},
    {"chunks": (7,), "compression": "gzip"},
    {"chunks": (100_000,), "compression": "gzip", "maxshape": (None,)},
    {"chunks": (64,), "compression": "gzip", "shuffle": True},
    {"chunks": (64,), "compression": "lzf"},
    {"chunks": (64,), "compression": "lzf", "shuffle": True},
    {"chunks": (64,), "compression": "gzip", "fletcher32": True},
    {"chunks": (64,), "compression": "gzip", "data_type": np.uint8},
    {"chunks": (64,), "compression": "gzip", "data_type": np.int64, "index_type": np.int64},
    {"chunks": (64,), "data_type": ">f4", "index_type": ">i4"},
    {"data_type": np.float64, "index_type": np.uint16},
    {"data_type": np.float16, "index_type": np.uint64},
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_way_to_store_values_gives_the_same_tally(
    tmp_path: Path, cells: ad.AnnData, expected: ad.AnnData, layout: dict[str, Any]
) -> None:
    path = write(cells, tmp_path / "cells.h5ad")
    rewrite(path, **layout)
    assert same_bits(tc.pp.tally(path, **KEYS), expected)


@pytest.mark.parametrize("name", ["Zstd", "Blosc"])
def test_filters_of_the_plugin_are_read_without_it(
    tmp_path: Path, cells: ad.AnnData, expected: ad.AnnData, name: str
) -> None:
    hdf5plugin = pytest.importorskip("hdf5plugin")
    path = write(cells, tmp_path / "cells.h5ad")
    rewrite(path, chunks=(64,), **getattr(hdf5plugin, name)())
    source: Any = open_source(path)
    assert isinstance(fast_arrays.fast_array(source.matrix.data, path, "X/data"), ChunkedHdf5)
    assert same_bits(tc.pp.tally(path, **KEYS), expected)


def test_a_filter_not_known_here_is_left_to_its_library(
    tmp_path: Path, cells: ad.AnnData, expected: ad.AnnData
) -> None:
    hdf5plugin = pytest.importorskip("hdf5plugin")
    path = write(cells, tmp_path / "cells.h5ad")
    rewrite(path, chunks=(64,), **hdf5plugin.Bitshuffle())
    source: Any = open_source(path)
    assert isinstance(fast_arrays.fast_array(source.matrix.data, path, "X/data"), Sliced)
    assert same_bits(tc.pp.tally(path, **KEYS), expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_gives_the_tally_of_its_cells(tmp_path: Path, name: str) -> None:
    own = labelled_cells(37)
    keys = CellKeys("donor", "sample", "tissue", None, "cell_type")
    make, layer = FORMATS[name]
    # Formats without labels take them from a table; those with labels say the same.
    plans = [
        plan_sources((open_source(source, layer=which),), keys, PlanOptions(), None, own.obs)
        for source, which in ((own, None), (make(own, tmp_path), layer))
    ]
    first, second = (tc.pp.tally_plan(plan, threads=2) for plan in plans)
    assert same_bits(first, second)


@pytest.mark.parametrize("form", ["csc", "dense"])
def test_columns_and_dense_matrices(
    tmp_path: Path, cells: ad.AnnData, expected: ad.AnnData, form: str
) -> None:
    other = cells.copy()
    other.X = sparse.csc_matrix(cells.X) if form == "csc" else np.asarray(cells.X.todense())
    assert same_bits(tc.pp.tally(write(other, tmp_path / "cells.h5ad"), **KEYS), expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("sharded", [False, True])
def test_zarr(
    tmp_path: Path, cells: ad.AnnData, expected: ad.AnnData, version: int, sharded: bool
) -> None:
    import zarr

    if sharded and version == 2:
        pytest.skip("zarr v2 has no shards")
    path = tmp_path / "cells.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # format 2 is on its way out; files of it stay
        with ad.settings.override(zarr_write_format=version):
            cells.write_zarr(path)
    if sharded:
        matrix = zarr.open_group(path, mode="r+")["X"]
        for name in ("data", "indices"):
            values = matrix[name][:]
            del matrix[name]
            matrix.create_array(name, data=values, chunks=(50,), shards=(200,))
        zarr.consolidate_metadata(path)
    assert same_bits(tc.pp.tally(path, **KEYS), expected)


def as_read(source: Any) -> str:
    """Name the class that reads a source for the tally, and how its values are found."""
    codes = np.arange(source.genes.size, dtype=np.int32)
    packer = Packer(source, codes, source.genes.size)
    budget = Budget.of(None, n_genes=source.genes.size)
    reader: Any = open_reader(source, packer, 0, source.n_cells, budget=budget, n_threads=2)
    how = getattr(reader, "_data", None) or getattr(reader, "bands", None)
    return type(reader).__name__ + (f" {type(how).__name__}" if how is not None else "")


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({}, "ContiguousHdf5"),
        ({"chunks": (64,), "compression": "lzf"}, "ChunkedHdf5"),
        ({"chunks": (64,), "compression": "lzf", "shuffle": True}, "ChunkedHdf5"),
        ({"chunks": (64,), "compression": "gzip", "fletcher32": True}, "ChunkedHdf5"),
        ({"chunks": (64,), "compression": "gzip", "shuffle": True}, "ChunkedHdf5"),
    ],
    ids=str,
)
def test_every_common_filter_is_undone_past_the_library(
    tmp_path: Path, cells: ad.AnnData, options: dict[str, Any], how: str
) -> None:
    path = write(cells, tmp_path / "cells.h5ad")
    rewrite(path, **options)
    assert as_read(open_source(path)) == f"CsrReader {how}"


@pytest.mark.parametrize("chunks", [(7, 3), (300, 3), (11, 10), None])
@pytest.mark.parametrize("compression", ["gzip", "lzf", None])
@pytest.mark.parametrize("threads", [1, 3])
def test_dense_matrices_in_any_chunks_are_decoded_by_all_threads(
    tmp_path: Path,
    cells: ad.AnnData,
    expected: ad.AnnData,
    chunks: tuple[int, int] | None,
    compression: str | None,
    threads: int,
) -> None:
    if chunks is None and compression is not None:
        pytest.skip("what is compressed is chunked")
    path = write(cells, tmp_path / "cells.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        stored = file.create_dataset(
            "X", data=cells.X.toarray(), chunks=chunks, compression=compression
        )
        stored.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    assert as_read(open_source(path)) == f"DenseReader {'Bands' if chunks else 'SlicedBands'}"
    assert same_bits(tc.pp.tally(path, **KEYS, threads=threads), expected)
    budget = Budget(max_slots=100, values_per_block=200, dense_bytes=10**9)
    plan = plan_cells(path, **KEYS)
    partial = count_plan(plan, budget=budget, threads=threads, spans=[(0, 5, 300), (0, 0, 5)])
    assert same_bits(build_tally(plan, partial, dense_bytes=10**9), expected)


def test_dense_matrices_of_large_counts_are_read_again_with_more_room(tmp_path: Path) -> None:
    cells = make_cells(90)
    cells.X = np.asarray((cells.X.toarray() + 1) * 1000)
    assert same_bits(
        tc.pp.tally(write(cells, tmp_path / "cells.h5ad"), **KEYS), tc.pp.tally(cells, **KEYS)
    )


def test_a_corrupt_chunk_of_a_dense_matrix_is_named(tmp_path: Path, cells: ad.AnnData) -> None:
    path = write(cells, tmp_path / "cells.h5ad")
    with h5py.File(path, "r+") as file:
        del file["X"]
        stored = file.create_dataset(
            "X", data=cells.X.toarray(), chunks=(50, 5), compression="gzip"
        )
        stored.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        place = stored.id.get_chunk_info_by_coord((200, 5))
    with path.open("r+b") as raw:
        raw.seek(place.byte_offset + 10)
        raw.write(b"\xff" * 20)
    with pytest.raises(FileFormatError, match=r"chunk \d+ of dataset /X .*damaged"):
        tc.pp.tally(path, **KEYS)
    source: Any = open_source(path)
    bands = bands_of(source.matrix, "X")
    with pytest.raises(FileFormatError, match=r"chunk 9 of X .from row 200, column 5. is damaged"):
        bands.read(4, np.empty((50, 10), np.float32))  # type: ignore[union-attr]


ZARR_CODECS = ("zstd", "blosc", "gzip", "none", "crc", "bytes swapped")


def codecs_of(name: str) -> dict[str, Any]:
    """Give zarr's arguments for a chain of codecs."""
    import zarr.codecs as known

    swapped = known.BytesCodec(endian="big")
    return {
        "zstd": {"compressors": known.ZstdCodec()},
        "blosc": {"compressors": known.BloscCodec()},
        "gzip": {"compressors": known.GzipCodec()},
        "none": {"compressors": None},
        "crc": {"compressors": (known.ZstdCodec(), known.Crc32cCodec())},
        "bytes swapped": {"serializer": swapped, "compressors": known.ZstdCodec()},
    }[name]


def write_zarr(cells: ad.AnnData, path: Path, shards: int | None, **options: Any) -> Path:
    """Write cells to zarr 3 with codecs of our choice."""
    import zarr

    cells.write_zarr(path)
    matrix = zarr.open_group(path, mode="r+")["X"]
    for name in ("data", "indices"):
        values = matrix[name][:]
        del matrix[name]
        made = matrix.create_array(
            name,
            shape=values.shape,
            dtype=values.dtype,
            chunks=(50,),
            shards=None if shards is None else (shards,),
            **options,
        )
        made[:] = values
    zarr.consolidate_metadata(path)
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("codec", ZARR_CODECS)
@pytest.mark.parametrize("shards", [None, 200])
@pytest.mark.parametrize("threads", [1, 3])
def test_zarr_chunks_are_decoded_past_the_library(
    tmp_path: Path,
    cells: ad.AnnData,
    expected: ad.AnnData,
    codec: str,
    shards: int | None,
    threads: int,
) -> None:
    with ad.settings.override(zarr_write_format=3):
        path = write_zarr(cells, tmp_path / "cells.zarr", shards, **codecs_of(codec))
    assert as_read(open_source(path)) == "CsrReader ChunkedZarr"
    assert same_bits(tc.pp.tally(path, **KEYS, threads=threads), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shards", [None, 200])
def test_a_damaged_or_cut_zarr_chunk_is_named_and_a_missing_one_is_the_fill_value(
    tmp_path: Path, cells: ad.AnnData, shards: int | None
) -> None:
    with ad.settings.override(zarr_write_format=3):
        path = write_zarr(cells, tmp_path / "cells.zarr", shards)
    victim = path / "X/data/c/1"
    whole = victim.read_bytes()
    for damaged in (b"\xff" * 12 + whole[12:], whole[: len(whole) // 2], b""):
        victim.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"chunk \d+ of (dataset /)?X/data .*damaged"):
            tc.pp.tally(path, **KEYS)
    victim.unlink()
    lost = 50 if shards is None else shards
    values = cells.X.copy()
    values.data[lost : 2 * lost] = 0
    without = cells.copy()
    without.X = values
    assert same_bits(tc.pp.tally(path, **KEYS), tc.pp.tally(without, **KEYS))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["csc", "dense"])
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("threads", [1, 3])
def test_columns_and_dense_matrices_in_zarr(
    tmp_path: Path,
    cells: ad.AnnData,
    expected: ad.AnnData,
    form: str,
    version: int,
    threads: int,
) -> None:
    other = cells.copy()
    other.X = sparse.csc_matrix(cells.X) if form == "csc" else np.asarray(cells.X.todense())
    path = tmp_path / "cells.zarr"
    with ad.settings.override(zarr_write_format=version):
        other.write_zarr(path)
    kind = {"csc": "GatheredReader", "dense": "DenseReader Bands"}[form]
    assert as_read(open_source(path)) == kind
    assert same_bits(tc.pp.tally(path, **KEYS, threads=threads), expected)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("in_memory", [40, 10**6])
def test_columns_gathered_by_any_number_of_threads_are_the_same_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cells: ad.AnnData,
    expected: ad.AnnData,
    threads: int,
    in_memory: int,
) -> None:
    monkeypatch.setattr(gather, "VALUES_IN_MEMORY", in_memory)
    monkeypatch.setattr(matrix, "VALUES_PER_READ", 100)
    other = cells.copy()
    other.X = sparse.csc_matrix(cells.X)
    path = write(other, tmp_path / "cells.h5ad", compression="gzip")
    source: Any = open_source(path)
    gathered = source.matrix.rows(threads)
    rows = list(gathered.blocks(1000, 0, 300))
    found = sparse.csr_matrix(
        (
            np.concatenate([block.data for block in rows]),
            np.concatenate([block.indices for block in rows]),
            gathered.indptr,
        ),
        shape=cells.shape,
    )
    # Genes of a cell come in their order in the file, whichever thread was first.
    assert found.has_sorted_indices
    np.testing.assert_array_equal(found.toarray(), cells.X.toarray())
    assert same_bits(tc.pp.tally(path, **KEYS, threads=threads), expected)


def test_cells_without_a_value_and_blocks_of_them(tmp_path: Path) -> None:
    cells = make_cells(50)
    matrix = cells.X.tolil()
    matrix[:20] = 0
    matrix[45:] = 0
    cells.X = matrix.tocsr()
    path = write(cells, tmp_path / "cells.h5ad")
    close_to_oracle(tc.pp.tally(path, **KEYS), oracle(cells))
    cells.X = sparse.csr_matrix(cells.shape, dtype=np.float32)
    path = write(cells, tmp_path / "empty.h5ad")
    assert tc.pp.tally(path, **KEYS).layers["counts"].sum() == 0


def test_genes_in_no_order_and_named_twice_within_a_cell(tmp_path: Path) -> None:
    cells = make_cells(80)
    matrix = sparse.csr_matrix(cells.X)
    # Each value is split in two entries, and the entries of a cell come in reverse.
    data = np.repeat(matrix.data, 2)
    data[::2] = 1
    data[1::2] -= 1
    order = np.concatenate(
        [np.arange(2 * e - 1, 2 * b - 1, -1) for b, e in zip(matrix.indptr, matrix.indptr[1:], strict=False)]
    )  # fmt: skip
    path = write(cells, tmp_path / "cells.h5ad")
    with h5py.File(path, "r+") as file:
        for name, values in (
            ("data", data[order]),
            ("indices", np.repeat(matrix.indices, 2)[order]),
            ("indptr", 2 * matrix.indptr),
        ):
            del file["X"][name]
            file["X"][name] = values
    assert same_bits(tc.pp.tally(path, **KEYS), tc.pp.tally(cells, **KEYS))


def test_sums_beyond_32_and_40_bits_are_exact() -> None:
    cells = make_cells(3000)
    cells.obs["population"], cells.obs["sample"] = "NK", cells.obs["donor"]
    cells.obs["tissue"] = "tumour"
    matrix = np.zeros(cells.shape)
    matrix[:, 1], matrix[:, 2] = 2**31 - 1, 70_000
    cells.X = sparse.csr_matrix(matrix)
    counted = tc.pp.tally(cells, **KEYS)
    total = np.asarray(counted.layers["counts"]).sum(axis=0)
    names = list(counted.var_names)
    assert total[names.index("NCAM1")] == 3000 * (2**31 - 1) > 2**42
    assert total[names.index("FOXP3")] == 3000 * 70_000
    assert np.asarray(counted.layers["detected"]).sum() == 6000


def test_more_rows_than_fit_in_memory_are_put_out_to_disk_and_found_again() -> None:
    cells = make_cells(400)
    plan = plan_cells(cells, **KEYS)
    for slots, dense in ((1, 0), (3, 10**9), (8, 0)):
        budget = Budget(max_slots=slots, values_per_block=150, dense_bytes=dense)
        partial = count_plan(plan, budget=budget, threads=2)
        assert partial.sums.n_put_out > 10
        built = build_tally(plan, partial, dense_bytes=dense)
        assert sparse.issparse(built.layers["counts"]) == (dense == 0)
        assert same_bits(built, tc.pp.tally(cells, **KEYS))


def test_many_large_counts_take_more_room_than_usual(tmp_path: Path) -> None:
    cells = make_cells(200)
    cells.X = cells.X * 1000
    path = write(cells, tmp_path / "cells.h5ad", compression="gzip")
    close_to_oracle(tc.pp.tally(path, **KEYS, threads=2), oracle(cells))


def test_a_window_decodes_every_chunk_once(tmp_path: Path) -> None:
    path = tmp_path / "array.h5"
    values = np.arange(1000, dtype=np.int32)
    with h5py.File(path, "w") as file:
        file.create_dataset("chunked", data=values, chunks=(64,), compression="gzip")
        file.create_dataset("plain", data=values)
    with h5py.File(path) as file:
        chunked = fast_arrays.fast_array(file["chunked"], path, "chunked")
        plain = fast_arrays.fast_array(file["plain"], path, "plain")
        assert isinstance(chunked, ChunkedHdf5)
        assert isinstance(plain, ContiguousHdf5)
        for array in (chunked, plain):
            read: list[tuple[int, int]] = []
            real = array.read

            def note(begin: int, end: int, out: Any, real: Any = real, read: Any = read) -> None:
                read.append((begin, end))
                real(begin, end, out)

            array.read = note  # type: ignore[method-assign]
            window = Window(array, np.dtype(np.float32))
            edges = [5, 5, 10, 300, 301, 640, 1000]
            for begin, end in itertools.pairwise(edges):
                np.testing.assert_array_equal(window.move(begin, end), values[begin:end])
            assert all(a[1] == b[0] for a, b in itertools.pairwise(read))
