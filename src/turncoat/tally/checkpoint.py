"""Writing down how far a tally is, and finding it again."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from turncoat.study import TallyPlan
from turncoat.tally.content import sample_content
from turncoat.tally.partial import PartialTally, Piece
from turncoat.tally.scan import Stamp

#: Name of the file that a resumable tally keeps in its folder.
PARTIAL_NAME = "tally.partial"

#: Seconds between two writings of it: at most this much work is lost.
SECONDS_BETWEEN_SAVES = 30.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where and how often a tally writes down how far it is.

    Parameters
    ----------
    folder
        Where the partial tally is kept while the tally runs; removed when it is done.
    every
        Seconds between two writings.
    """

    folder: Path
    every: float = SECONDS_BETWEEN_SAVES

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / PARTIAL_NAME


class Carried(Protocol):
    """What a pass knows beside its sums, to be written down and taken up with them."""

    def save(self, folder: Path) -> None:
        """Write it down."""

    def load(self, folder: Path) -> bool:
        """Take up what was written; False, with nothing done, where that cannot be."""

    def rewind(self, pieces: Sequence[Piece]) -> None:
        """Forget the cells after those that are in the sums; all, where there are no pieces."""


class Keeper:
    """Writes a partial tally down now and then; begins with what was written before."""

    def __init__(
        self,
        partial: PartialTally,
        checkpoint: Checkpoint | None,
        mark: str,
        carried: Carried | None = None,
    ) -> None:
        self._partial, self._checkpoint, self._mark = partial, checkpoint, mark
        self._carried = carried
        self._last = time.monotonic()
        if checkpoint is None:
            return
        taken = checkpoint.path.exists() and (carried is None or carried.load(checkpoint.folder))
        taken = taken and partial.load(checkpoint.path, fingerprint=mark)
        if carried is not None:
            carried.rewind(partial.pieces if taken else [])

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        if self._checkpoint is None:
            return False
        return time.monotonic() - self._last >= self._checkpoint.every

    def save(self) -> None:
        """Save now."""
        if self._checkpoint is not None:
            # First what is carried: it may know of more cells than the sums, never of fewer.
            if self._carried is not None:
                self._carried.save(self._checkpoint.folder)
            self._partial.save(self._checkpoint.path, fingerprint=self._mark)
            self._last = time.monotonic()


def fingerprint(plan: TallyPlan, stamps: Sequence[Stamp]) -> str:
    """Tell one plan on one set of files from every other.

    Files are told apart by size, time of change, place on disk, and some blocks of what is in them.
    """
    digest = hashlib.sha256(json.dumps(plan.meta, sort_keys=True, default=str).encode())
    digest.update("\n".join([*plan.row_names, *plan.gene_names]).encode())
    for codes in (*plan.row_codes, *plan.gene_codes):
        digest.update(np.ascontiguousarray(codes, dtype=np.int64).data)
    for source, stamp in zip(plan.sources, stamps, strict=True):
        content = sample_content(source.path)
        digest.update(f"{source.name} {source.n_cells} {stamp.marks} {content}".encode())
    return digest.hexdigest()
