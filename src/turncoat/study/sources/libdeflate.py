"""Inflating straight into memory that is there already, by libdeflate.

The package ``deflate`` gives what it inflates as new bytes, which then have to be copied. Where
memory is given back to the system at once, as in Dask's workers, every chunk then costs fresh
pages too: a third of the time of inflating. Its library is called directly here where the package
shows it (its Linux wheels do): nothing is allocated and nothing copied. Elsewhere the package
itself is used, to the same bytes.
"""

import ctypes
import functools
import threading
import weakref
from typing import Any

import deflate
import numpy as np

#: What ``libdeflate_zlib_decompress`` returns when all is well.
SUCCESS = 0
#: What its other answers mean.
PROBLEMS = {1: "bad data", 2: "it holds fewer bytes than it should", 3: "it holds more bytes"}

_own = threading.local()


@functools.cache
def _library() -> Any:
    """Give the library within the package, or None where its functions cannot be seen."""
    try:
        library = ctypes.CDLL(deflate._deflate.__file__)
        library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
        library.libdeflate_alloc_decompressor.argtypes = []
        library.libdeflate_free_decompressor.restype = None
        library.libdeflate_free_decompressor.argtypes = [ctypes.c_void_p]
        inflate = library.libdeflate_zlib_decompress
        inflate.restype = ctypes.c_int
        arguments: list[Any] = [ctypes.c_void_p]
        arguments += [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
        inflate.argtypes = [*arguments, ctypes.c_void_p]
    except (AttributeError, OSError):
        return None
    return library


class _Decompressor:
    """The working memory of one thread."""

    def __init__(self, library: Any) -> None:
        self.address = library.libdeflate_alloc_decompressor()
        weakref.finalize(self, library.libdeflate_free_decompressor, self.address)


def inflate_into(stored: Any, out: Any) -> None:
    """Inflate a zlib stream into an array, which it has to fill.

    Parameters
    ----------
    stored
        The stream: contiguous array of bytes.
    out
        Contiguous array of any type, written to.

    Raises
    ------
    ValueError
        When the stream is damaged, or does not hold just so many bytes.
    """
    library = _library()
    if library is None:
        _inflate_and_copy(stored, out)
        return
    if not hasattr(_own, "decompressor"):
        _own.decompressor = _Decompressor(library)
    # A call through ctypes.CDLL releases the interpreter lock.
    answer = library.libdeflate_zlib_decompress(
        _own.decompressor.address, stored.ctypes.data, stored.nbytes, out.ctypes.data,
        out.nbytes, None,
    )  # fmt: skip
    if answer != SUCCESS:
        raise ValueError(PROBLEMS.get(answer, f"libdeflate answers {answer}"))


def _inflate_and_copy(stored: Any, out: Any) -> None:
    try:
        plain = deflate.zlib_decompress(stored, out.nbytes)
    except deflate.DeflateError as error:
        raise ValueError(str(error)) from error
    if len(plain) != out.nbytes:
        raise ValueError(f"it holds {len(plain)} bytes instead of {out.nbytes}")
    out.view(np.uint8)[:] = memoryview(plain)
