"""What is done to a stored chunk, undone outside HDF5, by any thread, without the lock.

Gzip chunks are inflated by libdeflate, 2.2 times as fast as zlib and 1.4 times as fast as isal
on the cells of the benchmark. Zstd and Blosc are read by numcodecs, which comes with zarr.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

import deflate
import numpy as np

from turncoat.study.sources.kernels import checksum, unpack_lzf, unshuffle

#: Turns stored bytes into the bytes they were; the second argument is how many those are.
Decode = Callable[[Any, int], Any]

# Numbers of HDF5 filters, as registered with the HDF Group.
GZIP: Final = 1
SHUFFLE: Final = 2
FLETCHER: Final = 3
LZF: Final = 32000
BLOSC: Final = 32001
ZSTD: Final = 32015


def inflate(stored: Any, n_bytes: int) -> Any:
    """Undo gzip (a zlib stream)."""
    return deflate.zlib_decompress(stored, n_bytes)


def decode_zstd(stored: Any, n_bytes: int) -> Any:
    """Undo Zstandard."""
    del n_bytes
    from numcodecs import zstd

    return zstd.decompress(stored)


def decode_blosc(stored: Any, n_bytes: int) -> Any:
    """Undo Blosc."""
    del n_bytes
    from numcodecs import blosc

    return blosc.decompress(stored)


def unshuffler(item_size: int) -> Decode:
    """Give what undoes the shuffle filter for items of so many bytes."""

    def undo(stored: Any, n_bytes: int) -> Any:
        raw = np.frombuffer(stored, dtype=np.uint8)
        if raw.size != n_bytes:
            raise ValueError(f"it holds {raw.size} bytes instead of {n_bytes}")
        out = np.empty(n_bytes, dtype=np.uint8)
        unshuffle(raw, out, item_size)
        return out

    return undo


def decode_lzf(stored: Any, n_bytes: int) -> Any:
    """Undo LZF."""
    out = np.empty(n_bytes, dtype=np.uint8)
    if unpack_lzf(np.frombuffer(stored, dtype=np.uint8), out) != n_bytes:
        raise ValueError("bad data")
    return out


def check_sum(stored: Any, n_bytes: int) -> Any:
    """Compare with Fletcher's checksum, which follows the bytes, and take it off."""
    del n_bytes
    raw = np.frombuffer(stored, dtype=np.uint8)
    stated = bytes(raw[-4:])
    found = struct.pack("<I", checksum(raw[:-4]))
    # Early versions of HDF5 swapped the bytes of each half; both are read as the library does.
    if stated not in (found, bytes([found[1], found[0], found[3], found[2]])):
        raise ValueError("its checksum is another")
    return raw[:-4]


def decoders(filters: list[int], item_size: int) -> list[Decode] | None:
    """Give what undoes each filter of a dataset, in the order it was applied.

    Parameters
    ----------
    filters
        Numbers of the filters, in the order they were applied when writing.
    item_size
        Bytes of an item.

    Returns
    -------
    list or None
        One function a filter; None when one of them is not known here: read with h5py then.
    """
    known: dict[int, Decode] = {
        GZIP: inflate,
        SHUFFLE: unshuffler(item_size),
        ZSTD: decode_zstd,
        BLOSC: decode_blosc,
        LZF: decode_lzf,
        FLETCHER: check_sum,
    }
    # A checksum is the last thing that is done; elsewhere it would change how much is unpacked.
    if any(number not in known for number in filters) or FLETCHER in filters[:-1]:
        return None
    return [known[number] for number in filters]


def decode(stored: Any, chain: list[Decode], skipped: int, n_bytes: int) -> Any:
    """Undo the filters of one chunk; bit ``k`` of ``skipped`` tells that filter ``k`` was not used."""
    for number in reversed(range(len(chain))):
        if not skipped >> number & 1:
            stored = chain[number](stored, n_bytes)
    return stored
