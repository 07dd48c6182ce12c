"""Inflating in place gives what the library gives, and refuses what does not fit."""

import zlib
from typing import Any

import numpy as np
import pytest

from turncoat.study.sources import libdeflate


@pytest.fixture(params=["in place", "through the package"])
def inflate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "through the package":
        monkeypatch.setattr(libdeflate, "_library", lambda: None)
    return libdeflate.inflate_into


def packed(values: Any) -> Any:
    return np.frombuffer(zlib.compress(values.tobytes()), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_values_come_back(inflate: Any, dtype: Any) -> None:
    values = np.random.default_rng(0).poisson(1, 10_000).astype(dtype)
    out = np.empty_like(values)
    inflate(packed(values), out)
    np.testing.assert_array_equal(out, values)


@pytest.mark.parametrize("size", [9, 11])
def test_a_stream_of_another_length_is_refused(inflate: Any, size: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        inflate(packed(np.zeros(10)), np.empty(size))


def test_a_damaged_stream_is_refused(inflate: Any) -> None:
    stored = packed(np.arange(1000)).copy()
    stored[100] ^= 255
    with pytest.raises(ValueError, match=r"\w"):
        inflate(stored, np.empty(1000, dtype=np.int64))
