"""Which reader a file needs, told from its name and its first bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from turncoat.errors import ArgumentError, FileFormatError
from turncoat.study.sources.protocol import CellSource
from turncoat.study.sources.reading import existing

if TYPE_CHECKING:
    import anndata as ad

#: What may stand for cells: an AnnData, a path, or several of them.
Cells: TypeAlias = "ad.AnnData | str | Path | CellSource"

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def open_source(source: Cells, *, layer: str | None = None) -> CellSource:
    """Open an AnnData or a file of cells for reading in blocks.

    Parameters
    ----------
    source
        AnnData, or the path of an h5ad, zarr, 10x h5, 10x mtx folder, loom, CSV or TSV.
    layer
        Layer with the raw counts; ``"raw"`` for ``.raw``; None for ``X``.

    Returns
    -------
    CellSource
        The cells; nothing but their annotation is read yet.

    Raises
    ------
    MissingFileError
        When there is no such file.
    FileFormatError
        When it is not what it seems, or damaged.
    """
    if isinstance(source, str | Path):
        return open_path(existing(Path(source).expanduser()), layer)
    if hasattr(source, "obs_names") and hasattr(source, "layers"):
        from turncoat.study.sources.memory import MemorySource

        return MemorySource(source, layer)
    if hasattr(source, "blocks") and hasattr(source, "read_obs"):
        return source
    raise ArgumentError(
        f"'source' should be an AnnData, a path or a list of paths; got {type(source).__name__}."
    )


def open_sources(
    source: "Cells | Sequence[Cells]", *, layer: str | None = None
) -> tuple[CellSource, ...]:
    """Open one or several sources of cells.

    Raises
    ------
    ArgumentError
        When there is none.
    """
    several = [*source] if isinstance(source, list | tuple) else [source]
    if not several:
        raise ArgumentError("'source' is an empty list: name at least one file of cells.")
    return tuple(open_source(one, layer=layer) for one in several)


def open_path(path: Path, layer: str | None) -> CellSource:
    """Open a file or folder that exists."""
    if path.is_dir():
        return _open_folder(path, layer)
    with path.open("rb") as stream:
        signature = stream.read(8)
    if signature == HDF5_SIGNATURE:
        return _open_hdf5(path, layer)
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt", ".tab")):
        from turncoat.study.sources.text import TextSource

        return TextSource(path, layer)
    plain = path.name.lower().removesuffix(".gz")
    if plain.endswith((".h5ad", ".h5", ".hdf5", ".loom")):
        raise FileFormatError(
            f"{path} is no HDF5 file although its name ends so ({path.stat().st_size} bytes, begins "
            f"with {signature!r}). The download may be incomplete or an error page: fetch it again."
        )
    raise FileFormatError(
        f"{path}: cannot tell what this file is. Expected .h5ad, .zarr, .h5 (10x), .loom, a folder "
        "with matrix.mtx, or a .csv, .tsv or .txt table of counts (.gz too)."
    )


def _open_folder(path: Path, layer: str | None) -> CellSource:
    if any(child.name.endswith((".mtx", ".mtx.gz")) for child in path.iterdir()):
        from turncoat.study.sources.mtx import MtxSource

        return MtxSource(path, layer)
    from turncoat.study.sources.zarr import ZarrSource

    return ZarrSource(path, layer)


def _open_hdf5(path: Path, layer: str | None) -> CellSource:
    from turncoat.study.sources.h5ad import H5adSource, open_hdf5

    with open_hdf5(path) as root:
        names = set(root)
        stored = {name: set(root[name]) if hasattr(root[name], "keys") else set() for name in names}
    if {"matrix", "row_attrs", "col_attrs"} <= names:
        from turncoat.study.sources.loom import LoomSource

        return LoomSource(path, layer)
    if "obs" not in names and any({"barcodes", "indptr"} <= inside for inside in stored.values()):
        from turncoat.study.sources.tenx import TenxSource

        return TenxSource(path, layer)
    return H5adSource(path, layer)
