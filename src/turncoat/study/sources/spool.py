"""Values parsed from text once, kept as numbers, in memory or in a temporary file."""

import tempfile
import weakref
from collections.abc import Iterable, Iterator

import numpy as np

from turncoat.errors import OutputError
from turncoat.study.sources.gather import VALUES_IN_MEMORY, Triple

RECORD = np.dtype([("cell", np.int32), ("gene", np.int32), ("value", np.float64)])


class Spool:
    """Values in the order they were parsed, to be gone through more than once.

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
        self._stretches: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed with its owner
            max_size=in_memory * RECORD.itemsize, prefix="turncoat-text-"
        )
        weakref.finalize(self, self._file.close)
        try:
            for cells, genes, values in triples:
                records = np.empty(values.size, dtype=RECORD)
                records["cell"], records["gene"], records["value"] = cells, genes, values
                self._file.write(records.tobytes())
                self._stretches.append(values.size)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"The counts read from text need temporary space in {tempfile.gettempdir()}: "
                f"{error}. Free it, or set TMPDIR to a larger disk."
            ) from error

    def __call__(self) -> Iterator[Triple]:
        """Go through the values once more."""
        self._file.seek(0)
        for size in self._stretches:
            records = np.frombuffer(self._file.read(size * RECORD.itemsize), dtype=RECORD)
            yield records["cell"], records["gene"], records["value"]
