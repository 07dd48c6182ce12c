"""The same cells written in every format that turncoat reads."""

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
import zarr


def h5ad(cells: ad.AnnData, path: Path, form: Callable[[Any], Any], **options: Any) -> Path:
    copy = cells.copy()
    copy.X = form(cells.X)
    copy.write_h5ad(path / "cells.h5ad", **options)
    return path / "cells.h5ad"


def mixed_index_types(cells: ad.AnnData, path: Path) -> Path:
    """int64 indptr beside int32 indices, as streaming writers make them."""
    written = h5ad(cells, path, sp.csr_matrix)
    with h5py.File(written, "r+") as root:
        pointers = root["X/indptr"][...].astype(np.int64)
        del root["X/indptr"]
        root["X/indptr"] = pointers
        assert root["X/indices"].dtype == np.int32
    return written


def layer(cells: ad.AnnData, path: Path) -> Path:
    copy = cells.copy()
    copy.layers["counts"] = sp.csr_matrix(cells.X)
    copy.X = np.log1p(cells.X)
    copy.write_h5ad(path / "cells.h5ad")
    return path / "cells.h5ad"


def raw(cells: ad.AnnData, path: Path) -> Path:
    copy = cells.copy()
    copy.X = sp.csr_matrix(cells.X)
    copy.raw = copy
    copy = copy[:, :2].copy()
    copy.X = sp.csr_matrix(np.log1p(cells.X[:, :2]))
    copy.write_h5ad(path / "cells.h5ad")
    return path / "cells.h5ad"


def zarr_folder(cells: ad.AnnData, path: Path, version: int) -> Path:
    copy = cells.copy()
    copy.X = sp.csr_matrix(cells.X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # format 2 is on its way out; files of it stay
        with ad.settings.override(zarr_write_format=version):
            copy.write_zarr(path / "cells.zarr")
    return path / "cells.zarr"


def sharded(cells: ad.AnnData, path: Path) -> Path:
    written = zarr_folder(cells, path, 3)
    root = zarr.open_group(str(written), mode="r+")
    for name in ("data", "indices"):
        values = root[f"X/{name}"][...]
        attributes = dict(root[f"X/{name}"].attrs)
        del root[f"X/{name}"]
        stored = root["X"].create_array(name, data=values, chunks=(8,), shards=(32,))
        stored.attrs.update(attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # consolidated metadata are not in the standard of format 3
        zarr.consolidate_metadata(str(written))
    return written


def tenx(cells: ad.AnnData, path: Path, version: int) -> Path:
    matrix = sp.csr_matrix(cells.X)
    names = [name.encode() for name in cells.var_names]
    ids = [f"ENSG{i:011d}".encode() for i in range(cells.n_vars)]
    with h5py.File(path / "cells.h5", "w") as root:
        group = root.create_group("matrix" if version == 3 else "GRCh38")
        group["barcodes"] = [name.encode() for name in cells.obs_names]
        group["data"] = matrix.data.astype(np.int32)
        group["indices"] = matrix.indices.astype(np.int64)
        group["indptr"] = matrix.indptr.astype(np.int64)
        group["shape"] = np.array(matrix.shape[::-1], dtype=np.int32)
        if version == 3:
            group["features/name"] = names
            group["features/id"] = ids
            group["features/feature_type"] = [b"Gene Expression"] * cells.n_vars
        else:
            group["gene_names"] = names
            group["genes"] = ids
    return path / "cells.h5"


def mtx(cells: ad.AnnData, path: Path, *, zipped: bool, cells_first: bool = False) -> Path:
    folder = path / "mtx"
    folder.mkdir()
    ending, opened = (".gz", gzip.open) if zipped else ("", open)
    matrix = sp.coo_matrix(cells.X if cells_first else cells.X.T).astype(int)
    with opened(folder / f"matrix.mtx{ending}", "wb") as stream:
        scipy.io.mmwrite(cast("IO[bytes]", stream), matrix, field="integer")
    features = "".join(
        f"ENSG{i:011d}\t{n}\tGene Expression\n" for i, n in enumerate(cells.var_names)
    )
    barcodes = "".join(f"{name}\n" for name in cells.obs_names)
    for name, text in (("features" if zipped else "genes", features), ("barcodes", barcodes)):
        with opened(folder / f"{name}.tsv{ending}", "wb") as stream:
            stream.write(text.encode())
    return folder


def loom(cells: ad.AnnData, path: Path) -> Path:
    with h5py.File(path / "cells.loom", "w") as root:
        root["matrix"] = cells.X.T
        root["row_attrs/Gene"] = [name.encode() for name in cells.var_names]
        root["col_attrs/CellID"] = [name.encode() for name in cells.obs_names]
        for column in cells.obs:
            root[f"col_attrs/{column}"] = [str(value).encode() for value in cells.obs[column]]
        root.create_group("layers")
    return path / "cells.loom"


def text(cells: ad.AnnData, path: Path, name: str, *, genes_first: bool = False) -> Path:
    table = pd.DataFrame(cells.X.astype(int), index=cells.obs_names, columns=cells.var_names)
    table = table.T if genes_first else table
    table.to_csv(path / name, sep="\t" if "tsv" in name or "txt" in name else ",")
    return path / name


def write_table_of_r(cells: ad.AnnData, path: Path) -> Path:
    """Without the corner and with quotes, as R's write.table does it."""
    written = text(cells, path, "cells.txt", genes_first=True)
    header, *lines = written.read_text().splitlines()
    quoted = "\t".join(f'"{name}"' for name in header.split("\t")[1:])
    written.write_text("\n".join([quoted, *lines]) + "\n")
    return written


def annotated_text(cells: ad.AnnData, path: Path) -> Path:
    """Cells in rows, with columns of labels before the genes."""
    table = pd.DataFrame(cells.X.astype(int), index=cells.obs_names, columns=cells.var_names)
    labels = cells.obs.astype(str)
    pd.concat([labels, table], axis=1).to_csv(path / "cells.csv.gz")
    return path / "cells.csv.gz"


FORMATS: dict[str, tuple[Callable[[ad.AnnData, Path], Path], str | None]] = {
    "h5ad csr": (lambda c, p: h5ad(c, p, sp.csr_matrix), None),
    "h5ad csr gzip": (lambda c, p: h5ad(c, p, sp.csr_matrix, compression="gzip"), None),
    "h5ad csr lzf": (lambda c, p: h5ad(c, p, sp.csr_matrix, compression="lzf"), None),
    "h5ad csc": (lambda c, p: h5ad(c, p, sp.csc_matrix), None),
    "h5ad dense": (lambda c, p: h5ad(c, p, np.asarray), None),
    "h5ad mixed index types": (mixed_index_types, None),
    "h5ad layer": (layer, "counts"),
    "h5ad raw": (raw, "raw"),
    "zarr 2": (lambda c, p: zarr_folder(c, p, 2), None),
    "zarr 3": (lambda c, p: zarr_folder(c, p, 3), None),
    "zarr 3 sharded": (sharded, None),
    "10x h5 2": (lambda c, p: tenx(c, p, 2), None),
    "10x h5 3": (lambda c, p: tenx(c, p, 3), None),
    "mtx": (lambda c, p: mtx(c, p, zipped=False), None),
    "mtx gz": (lambda c, p: mtx(c, p, zipped=True), None),
    "mtx cells first": (lambda c, p: mtx(c, p, zipped=False, cells_first=True), None),
    "loom": (loom, None),
    "csv": (lambda c, p: text(c, p, "cells.csv"), None),
    "csv gz annotated": (annotated_text, None),
    "tsv gz genes first": (lambda c, p: text(c, p, "cells.tsv.gz", genes_first=True), None),
    "txt of R": (write_table_of_r, None),
}
WITH_OBS = [name for name in FORMATS if name.startswith(("h5ad", "zarr", "loom", "csv gz ann"))]
