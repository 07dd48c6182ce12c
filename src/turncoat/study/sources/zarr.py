"""zarr folders (formats 2 and 3, sharded or not) written by AnnData."""

from typing import Any

from turncoat.errors import FileFormatError
from turncoat.study.sources.store import StoreSource


class ZarrSource(StoreSource):
    """Cells of an AnnData zarr folder."""

    def open(self) -> Any:
        """Open the folder."""
        import zarr

        try:
            return zarr.open_group(str(self._path), mode="r")
        except (OSError, KeyError, ValueError) as error:
            raise FileFormatError(
                f"{self._path} is no zarr group ({error}). Expected a folder written by "
                "AnnData.write_zarr, or a 10x folder with matrix.mtx."
            ) from error
