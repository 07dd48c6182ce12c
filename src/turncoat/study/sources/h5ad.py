"""h5ad files, read through h5py."""

import contextlib
import functools
import importlib
import re
from pathlib import Path
from typing import Any

import h5py

from turncoat.errors import FileFormatError
from turncoat.study.sources.matrix import Matrix
from turncoat.study.sources.reading import reading
from turncoat.study.sources.store import StoreSource, stored_matrix


def open_hdf5(path: Path) -> Any:
    """Open an HDF5 file for reading, or say what is wrong with it.

    Raises
    ------
    FileFormatError
        When it is empty, cut, or no HDF5 file.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        cut = re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", str(error))
        if cut:
            raise FileFormatError(
                f"{path} is truncated: it should have {cut[2]} bytes and has {cut[1]}. "
                "The copy or download did not finish: fetch it again."
            ) from error
        raise FileFormatError(
            f"{path} is no HDF5 file ({path.stat().st_size} bytes): expected h5ad, 10x h5 or loom. "
            "Fetch it again, or give it the ending of what it is."
        ) from error


#: Filters that every build of h5py has: deflate, shuffle, checksum, szip, nbit, offset, lzf.
COMMON_FILTERS = (*range(1, 7), h5py.h5z.FILTER_LZF)


def need_filters(dataset: Any, path: Path) -> None:
    """Make sure that what a dataset was compressed with is there, or say how to get it.

    Raises
    ------
    FileFormatError
        When the filter needs a plugin that is not installed.
    """
    made_with = dataset.id.get_create_plist()
    for place in range(made_with.get_nfilters()):
        number, _, _, name = made_with.get_filter(place)
        if number in COMMON_FILTERS or h5py.h5z.filter_avail(number):
            continue
        with contextlib.suppress(ImportError):
            importlib.import_module("hdf5plugin")  # registers its filters
        if not h5py.h5z.filter_avail(number):
            raise FileFormatError(
                f"{path}: {dataset.name} is compressed with HDF5 filter {number} "
                f"({name.decode(errors='replace')[:40]}), which is not installed. "
                "Install it with: pip install 'turncoat[hdf5plugin]'"
            )


class H5adSource(StoreSource):
    """Cells of an h5ad file."""

    @functools.cached_property
    def matrix(self) -> Matrix:
        """The matrix, opened, its pointers checked and its filters there."""
        with reading(self._path, self.where):
            item = self.root[self.where]
            stored = [item] if isinstance(item, h5py.Dataset) else item.values()
            for dataset in stored:
                need_filters(dataset, self._path)
            return stored_matrix(item, f"{self._path}: {self.where}")

    def open(self) -> Any:
        """Open the file."""
        return open_hdf5(self._path)
