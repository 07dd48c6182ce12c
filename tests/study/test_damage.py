"""Files that are damaged, awkward or not what they seem: read, or refused by name."""

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from study.cells import GENES, KEYS, dense, make_cells
from study.formats import FORMATS, mtx, tenx, text
from turncoat.errors import (
    ArgumentError,
    FileFormatError,
    MissingFileError,
    MissingKeyError,
    OutputError,
    StudyError,
    TurncoatError,
)
from turncoat.study import open_source, plan_cells
from turncoat.study.sources import gather

CELLS = make_cells(37)


def written(folder: Path) -> Path:
    return FORMATS["h5ad csr"][0](CELLS, folder)


def replace(
    path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], **options: object
) -> Path:
    """Put a dataset of an HDF5 file in place of itself."""
    with h5py.File(path, "r+") as root:
        values = change(root[name][...])
        attributes = dict(root[name].attrs)
        del root[name]
        root.create_dataset(name, data=values, **options)
        root[name].attrs.update(attributes)
    return path


def test_a_missing_file_is_named_with_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(MissingFileError, match=r"no file cels.h5ad in .*Did you mean 'cells.h5ad'"):
        open_source(tmp_path / "cels.h5ad")
    with pytest.raises(MissingFileError, match=r"the folder .*nowhere does not exist"):
        open_source(tmp_path / "nowhere" / "cells.h5ad")


def test_a_truncated_h5ad_is_recognised(tmp_path: Path) -> None:
    path = written(tmp_path)
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.truncate(size // 2)
    with pytest.raises(FileFormatError, match=rf"truncated: it should have {size} bytes"):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cells.h5ad", b"<html>404</html>", "no HDF5 file although its name ends so .*<html>40"),
        ("cells.h5", b"", "no HDF5 file although its name ends so .0 bytes"),
        ("cells.rds", b"RDX3", "cannot tell what this file is. Expected .h5ad"),
        ("cells.csv", b"only one line", "fewer than two lines"),
        ("cells.csv", b",c1,c2\nx,1,2\n", "human or mouse gene symbols"),
        ("cells.csv", b",FOXP3,CD8A\nx,1\n", "first line has 3 fields and the second 2"),
    ],
)
def test_what_is_no_file_of_cells_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        open_source(tmp_path / name)


def test_an_hdf5_file_or_a_folder_without_cells_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as root:
        root["weights"] = np.zeros(3)
    with pytest.raises(FileFormatError, match=r"holds \['weights'\] but no 'obs' and 'var'"):
        open_source(tmp_path / "other.h5")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileFormatError, match="no zarr group"):
        open_source(tmp_path / "folder")
    with pytest.raises(ArgumentError, match="should be an AnnData, a path or a list"):
        open_source(3)
    with pytest.raises(ArgumentError, match="'source' is an empty list"):
        plan_cells([], **KEYS)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("X/indptr", lambda x: x[:-1], "indptr should have 38 entries"),
        ("X/indptr", lambda x: np.r_[x[:5], x[3], x[6:]], "never decrease; it does not at entry"),
        ("X/indptr", lambda x: np.r_[1, x[1:]], "should start at 0"),
        ("X/indptr", lambda x: np.r_[x[:-1], x[-1] + 4], "but .*X/data holds"),
        ("X/data", lambda x: x[:-3], "data holds .* values but indices"),
        ("X/indices", lambda x: np.where(np.arange(x.size) == 9, 7, x), "holds 7, outside 0 to 6"),
        (
            "X/indices",
            lambda x: np.where(np.arange(x.size) == 9, -1, x),
            "holds -1, outside 0 to 6",
        ),
    ],
)
def test_a_matrix_that_contradicts_itself_is_refused(
    tmp_path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = replace(written(tmp_path), name, change)
    with pytest.raises(FileFormatError, match=message):
        plan_cells(path, **KEYS)


def test_a_shape_that_does_not_fit_obs_and_var_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    with h5py.File(path, "r+") as root:
        root["X"].attrs["shape"] = np.array([37, 9])
    with pytest.raises(
        FileFormatError, match=r"X has shape \(37, 9\), but obs has 37 cells and var 7"
    ):
        open_source(path)


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": None},  # contiguous
        {"chunks": (16,), "shuffle": True, "compression": "gzip"},
        {"chunks": (1,)},
        {"chunks": (10_000,), "maxshape": (None,), "fletcher32": True},
    ],
)
def test_legal_but_awkward_storage_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    path = replace(written(tmp_path), "X/data", lambda x: x, **options)
    np.testing.assert_array_equal(dense(open_source(path), 5), CELLS.X)


def test_filters_from_a_plugin_are_read_where_it_is_there(tmp_path: Path) -> None:
    plugin = pytest.importorskip("hdf5plugin")
    path = replace(written(tmp_path), "X/data", lambda x: x, chunks=(16,), **plugin.Zstd())
    np.testing.assert_array_equal(dense(open_source(path), 5), CELLS.X)


def test_a_filter_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = replace(written(tmp_path), "X/data", lambda x: x, chunks=(16,), compression="lzf")
    monkeypatch.setattr("turncoat.study.sources.h5ad.COMMON_FILTERS", ())
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda _: False)
    with pytest.raises(FileFormatError, match=r"HDF5 filter 32000 \(lzf\).*turncoat\[hdf5plugin\]"):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "dataset", "chunks"),
    [
        ("h5ad csr", "X/data", (16,)),
        ("h5ad csr", "X/indices", (16,)),
        ("h5ad csc", "X/data", (16,)),
        ("h5ad dense", "X", (10, 7)),
        ("10x h5 3", "matrix/data", (16,)),
    ],
)
def test_a_corrupt_chunk_is_named_with_its_dataset(
    tmp_path: Path, name: str, dataset: str, chunks: tuple[int, ...]
) -> None:
    path = FORMATS[name][0](CELLS, tmp_path)
    replace(path, dataset, lambda x: x, chunks=chunks, compression="gzip", fletcher32=True)
    with h5py.File(path) as root:
        place = root[dataset].id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(
        FileFormatError, match=rf"{path.name}: chunk 2 of (dataset /)?{dataset} .*damaged"
    ):
        dense(open_source(path), 37)


def test_rows_without_values_are_read(tmp_path: Path) -> None:
    cells = make_cells(12)
    cells.X[:5] = 0
    cells.X[9:] = 0
    for name in ("h5ad csr", "h5ad csc", "mtx", "tsv gz genes first"):
        folder = tmp_path / name
        folder.mkdir()
        np.testing.assert_array_equal(
            dense(open_source(FORMATS[name][0](cells, folder)), 2), cells.X
        )


def test_unsorted_and_repeated_genes_in_a_row_keep_their_values(tmp_path: Path) -> None:
    path = written(tmp_path)
    with h5py.File(path, "r+") as root:
        last = int(root["X/indptr"][3])
        root["X/indices"][:last] = root["X/indices"][:last][::-1]
        root["X/indices"][0] = root["X/indices"][1]
        indices, data = root["X/indices"][...], root["X/data"][...]
        matrix = sp.csr_matrix((data, indices, root["X/indptr"][...]), shape=CELLS.shape)
    np.testing.assert_array_equal(dense(open_source(path), 2), matrix.toarray())


def test_an_absent_layer_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = FORMATS["h5ad layer"][0](CELLS, tmp_path)
    with pytest.raises(MissingKeyError, match=r"no layer 'count'. Did you mean 'counts'"):
        open_source(path, layer="count")
    with pytest.raises(MissingKeyError, match=r"no layer 'count'. Did you mean 'counts'"):
        open_source(ad.read_h5ad(path), layer="count")
    with pytest.raises(MissingKeyError, match="one matrix and no layer 'counts'"):
        open_source(tenx(CELLS, tmp_path, 3), layer="counts")


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("matrix.mtx", lambda t: t[: len(t) * 2 // 3].rsplit("\n", 1)[0] + "\n", "the file was cut"),
        ("matrix.mtx", lambda t: t.replace("coordinate", "array"), "does not begin like a sparse"),
        ("matrix.mtx", lambda t: t.replace("integer", "pattern"), "should hold 'integer general'"),
        ("matrix.mtx", lambda t: t.replace("\n7 37 ", "\n7 36 "), "is 7 × 36, but there are 7 feat"),
        ("matrix.mtx", lambda t: t.rstrip().rsplit("\n", 1)[0] + "\n9 2 1\n", "names gene 9, but"),
        ("matrix.mtx", lambda t: t.rstrip() + "x\n", "the values cannot be read"),
        ("barcodes.tsv", lambda t: t.replace("cell0\n", ""), "7 features and 36 barcodes"),
    ],
)  # fmt: skip
def test_a_damaged_mtx_folder_is_refused(
    tmp_path: Path, file: str, change: Callable[[str], str], message: str
) -> None:
    folder = mtx(CELLS, tmp_path, zipped=False)
    (folder / file).write_text(change((folder / file).read_text()))
    with pytest.raises(FileFormatError, match=message):
        dense(open_source(folder), 10)


def test_an_mtx_folder_without_a_part_or_with_two_is_refused(tmp_path: Path) -> None:
    folder = mtx(CELLS, tmp_path, zipped=False)
    (folder / "genes.tsv").rename(folder / "names.tsv")
    with pytest.raises(MissingFileError, match=r"has no features file: expected .*'genes.tsv'"):
        open_source(folder)
    (folder / "names.tsv").rename(folder / "a_genes.tsv")
    (folder / "b_genes.tsv").write_text("")
    with pytest.raises(FileFormatError, match=r"holds 2 files called …genes.tsv"):
        open_source(folder)


@pytest.mark.parametrize("genes_first", [True, False])
def test_text_among_the_counts_is_named(tmp_path: Path, genes_first: bool) -> None:
    path = text(CELLS, tmp_path, "cells.csv", genes_first=genes_first)
    lines = path.read_text().splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0] + ",many"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(FileFormatError, match=r"holds .*many|holds '\d'"):
        dense(open_source(path), 10)


def test_a_loom_without_names_is_refused(tmp_path: Path) -> None:
    path = FORMATS["loom"][0](CELLS, tmp_path)
    with h5py.File(path, "r+") as root:
        root.move("col_attrs/CellID", "col_attrs/number")
    with pytest.raises(FileFormatError, match="does not name its cells: expected one of"):
        open_source(path)


def test_a_10x_file_of_two_genomes_is_refused(tmp_path: Path) -> None:
    path = tenx(CELLS, tmp_path, 2)
    with h5py.File(path, "r+") as root:
        root.copy("GRCh38", "mm10")
    with pytest.raises(StudyError, match=r"holds 2 genomes \['GRCh38', 'mm10'\]"):
        open_source(path)


def test_a_full_disk_is_told_before_anything_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gather, "VALUES_IN_MEMORY", 1)
    source = open_source(FORMATS["h5ad csc"][0](CELLS, tmp_path))
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match=r"GiB of temporary space.*No space left.*set TMPDIR"):
        dense(source, 5)


@pytest.mark.parametrize("name", list(FORMATS))
def test_any_cut_file_is_refused_as_ours(name: str, tmp_path: Path) -> None:
    """No cut of any file leads to another library's error or to silent loss of cells."""
    path = FORMATS[name][0](CELLS, tmp_path)
    files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    victim = max(files, key=lambda file: file.stat().st_size)
    whole = victim.read_bytes()
    for share in (0.2, 0.5, 0.8):
        victim.write_bytes(whole[: int(len(whole) * share)])
        try:
            found = dense(open_source(path, layer=FORMATS[name][1]), 10)
        except TurncoatError:
            continue
        # A plain table cut between two lines cannot be told from a shorter one.
        assert name.startswith(("csv", "tsv", "txt"))
        assert found.shape[0] < 37 or found.shape[1] < len(GENES)
