"""h5ad files, read through h5py."""

import re
from pathlib import Path
from typing import Any

import h5py

from turncoat.errors import FileFormatError
from turncoat.study.sources.store import StoreSource


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


class H5adSource(StoreSource):
    """Cells of an h5ad file."""

    def open(self) -> Any:
        """Open the file."""
        return open_hdf5(self._path)
