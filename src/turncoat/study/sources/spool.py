"""Values parsed from text once, kept as numbers, in memory or in a temporary file."""

import tempfile
import threading
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

from turncoat.errors import OutputError
from turncoat.study.sources.gather import VALUES_IN_MEMORY, Triple
from turncoat.tables import IntArray

RECORD = np.dtype([("cell", np.int32), ("gene", np.int32), ("value", np.float64)])


class Spool:
    """Values in the order they were parsed, to be gone through more than once, by any thread.

    Parameters
    ----------
    triples
        One pass over the values: cell numbers, gene numbers, values.
    in_memory
        Values kept in memory before a temporary file takes over.

    Raises
    ------
    OutputError
        When the temporary file cannot be written.
    """

    def __init__(self, triples: Iterable[Triple], *, in_memory: int = VALUES_IN_MEMORY) -> None:
        self._ends: list[int] = [0]
        # Single precision where it loses nothing.
        single = True
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed with its owner
            max_size=in_memory * RECORD.itemsize, prefix="turncoat-text-"
        )
        weakref.finalize(self, self._file.close)
        try:
            for cells, genes, values in triples:
                records = np.empty(values.size, dtype=RECORD)
                records["cell"], records["gene"], records["value"] = cells, genes, values
                with np.errstate(over="ignore"):
                    single &= bool((values == np.asarray(values).astype(np.float32)).all())
                self._file.write(records.tobytes())
                self._ends.append(self._ends[-1] + records.nbytes)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"The counts read from text need temporary space in {tempfile.gettempdir()}: "
                f"{error}. Free it, or set TMPDIR to a larger disk."
            ) from error
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)

    def __len__(self) -> int:
        """Count the stretches, which are as they were parsed."""
        return len(self._ends) - 1

    def _read(self, number: int) -> Any:
        begin, end = self._ends[number : number + 2]
        with self._lock:
            self._file.seek(begin)
            return np.frombuffer(self._file.read(end - begin), dtype=RECORD)

    def cells(self, number: int) -> IntArray:
        """Read the cell numbers of a stretch."""
        cells: IntArray = self._read(number)["cell"]
        return cells

    def values(self, number: int) -> Triple:
        """Read a stretch."""
        records = self._read(number)
        return records["cell"], records["gene"], records["value"]
