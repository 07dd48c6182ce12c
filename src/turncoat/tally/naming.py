"""Who names the cells while they are counted, and how far that is when a pass is killed."""

import dataclasses
import hashlib
import itertools
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells import UNASSIGNED, Annotation, Annotator
from turncoat.cells.model import TARGET_SUM
from turncoat.cells.search import CELLS_AT_ONCE, MAX_REFERENCE
from turncoat.cells.split import CANDIDATE, MALIGNANT, reference_order
from turncoat.cells.states import StateModel
from turncoat.cells.stream import Caller
from turncoat.files import whole_file
from turncoat.study import TallyPlan
from turncoat.study.relabel import named_plan, room_for_names
from turncoat.tables import IntArray
from turncoat.tally import kernels
from turncoat.tally.checkpoint import PARTIAL_NAME, Checkpoint
from turncoat.tally.engine import refuse_overflow
from turncoat.tally.groups import GroupSums
from turncoat.tally.held import HeldCells, log_cells
from turncoat.tally.kernels import units
from turncoat.tally.packed import PackedBlock
from turncoat.tally.partial import PartialTally, Piece
from turncoat.tally.scan import Accumulator, Job, Stage

#: Names of the files that a resumable naming keeps beside the partial tally.
NAMES_NAME, HELD_NAME = "names.partial", "held.partial"
#: What is written down of the calls of each cell.
CALLED: Final = (
    "population", "guess", "lineage", "state", "confidence", "lineage_confidence", "depth",
)  # fmt: skip


class Naming:
    """What the namers of all sources share."""

    def __init__(
        self,
        plan: TallyPlan,
        annotator: Annotator,
        *,
        seed: int,
        n_jobs: int,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._plan, self._n_jobs, self._checkpoint = plan, n_jobs, checkpoint
        sizes = [source.n_cells for source in plan.sources]
        self._before = np.concatenate([[0], np.cumsum(sizes)])
        self.callers = [Caller(annotator, n, plan.genes.index) for n in sizes]
        known = self.callers[0].calls.names
        names = [name for name in known if name != UNASSIGNED]
        self.names = tuple(dict.fromkeys([*names, MALIGNANT]))
        self.wide = room_for_names(plan, len(self.names))
        self._held = HeldCells(
            reference_order(int(self._before[-1]), seed),
            MAX_REFERENCE,
            path=None if checkpoint is None else checkpoint.folder / HELD_NAME,
        )
        #: Tells this naming of these cells from every other.
        self.mark = _mark(plan, annotator, seed)

    def of(self, source: int) -> Accumulator:
        """Give the namer of a source."""
        return _Namer(
            self.callers[source],
            self._plan.row_codes[source],
            self.wide.row_codes[source],
            self.names,
            self._held,
            int(self._before[source]),
            self._n_jobs,
        )

    def logged(self, numbers: IntArray) -> sp.csr_matrix:
        """Give cells that were held log-normalised, by their numbers over all sources."""
        return log_cells(self._held.block(numbers), len(self._plan.genes), TARGET_SUM)

    def save(self, folder: Path) -> None:
        """Write down the calls so far and which cells are held, whole or not at all."""
        arrays = {"mark": np.array(self.mark), **self._held.state()}
        for number, caller in enumerate(self.callers):
            arrays |= {f"{number}.{name}": getattr(caller.calls, name) for name in CALLED}
        with whole_file(folder / NAMES_NAME) as unfinished, unfinished.open("wb") as stream:
            np.savez(stream, **arrays)

    def load(self, folder: Path) -> bool:
        """Take up what :meth:`save` wrote; False where it is not there, or of another naming."""
        try:
            with np.load(folder / NAMES_NAME, allow_pickle=False) as kept:
                if str(kept["mark"]) != self.mark or not self._held.take_up(kept):
                    return False
                for number, caller in enumerate(self.callers):
                    for name in CALLED:
                        getattr(caller.calls, name)[:] = kept[f"{number}.{name}"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return False
        return True

    def rewind(self, pieces: Sequence[Piece]) -> None:
        """Forget the cells that were held after what is counted; all, where nothing is."""
        done = {piece.source: piece.done for piece in pieces}
        ends = [int(self._before[k]) + done.get(k, 0) for k in range(len(self.callers))]
        self._held.forget(self._before, np.array(ends))
        if not done and self._checkpoint is not None:
            # Held cells are about to be written over: what told of them must not be believed.
            (self._checkpoint.folder / NAMES_NAME).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove what was written down."""
        if self._checkpoint is not None:
            for name in (NAMES_NAME, HELD_NAME, PARTIAL_NAME):
                (self._checkpoint.folder / name).unlink(missing_ok=True)

    def finish(self, partial: PartialTally, found: Annotation) -> TallyPlan:
        """Add the cells that were held back, and leave out the rows that nobody is in."""
        held = self._held.candidates
        name = pd.Index(self.names).get_indexer(pd.Index(found.cells["population"]))
        sample = np.concatenate(self._plan.row_codes)
        codes = np.where((name < 0) | (sample < 0), -1, sample * len(self.names) + name)
        adding = GroupSums(
            codes[held],
            partial.pieces[0],
            partial,
            target_sum=float(self._plan.meta["target_sum"]),
            n_jobs=1,
        )
        for some in np.split(held, np.arange(CELLS_AT_ONCE, held.size, CELLS_AT_ONCE)):
            for stage in adding.adding(self._held.block(some), codes[some]):
                for job in stage:
                    job()
        named, kept = named_plan(self._plan, np.split(codes, self._before[1:-1]), self.names)
        refuse_overflow(named)
        partial.sums.renumber(kept)
        partial.n_cells = partial.n_cells[kept]
        return named


class _Namer:
    """Names the cells of one source and says which row each is added to."""

    def __init__(
        self,
        caller: Caller,
        samples: IntArray,
        codes: IntArray,
        names: Sequence[str],
        held: HeldCells,
        before: int,
        n_jobs: int,
    ) -> None:
        self._caller, self._samples, self._codes = caller, samples, codes
        self._held, self._before, self._n_jobs = held, before, n_jobs
        self._n_names = len(names)
        known = list(caller.calls.names)
        self._number = np.array([names.index(k) if k in names else -1 for k in known])
        self._candidate = known.index(CANDIDATE) if CANDIDATE in known else -1
        self._unsure = known.index(UNASSIGNED)

    def stages(self, block: PackedBlock) -> Iterator[Stage]:
        """Name the cells, shared out among jobs; then give each its row, or hold it back."""
        edges = np.linspace(0, block.n_cells, self._n_jobs + 1).astype(int).tolist()
        yield [self._job(block, a, b) for a, b in itertools.pairwise(edges) if b > a]
        rows = slice(block.start, block.start + block.n_cells)
        called, sample = self._caller.calls.population[rows], self._samples[rows]
        number = self._number[called]
        codes = np.where((number < 0) | (sample < 0), -1, sample * self._n_names + number)
        candidate = (called == self._candidate) & (sample >= 0)
        other = (called != self._candidate) & (called != self._unsure) & (sample >= 0)
        codes[self._held.hold(block, self._before + block.start, candidate, other)] = -1
        self._codes[rows] = codes

    def _job(self, block: PackedBlock, first: int, last: int) -> Job:
        caller = self._caller
        model = caller.reader

        def name() -> None:
            ledger = block.ledger[first:last]
            scores = np.empty((last - first, model.offset.size))
            picked = np.empty((last - first, caller.n_markers))
            kernels.score_cells(
                block.genes, block.counts, ledger, TARGET_SUM, caller.slots,
                model.weights, model.offset, scores, picked, caller.used,
                np.zeros(units.TABLE_SIZE), np.zeros(kernels.STRETCH + 1, dtype=np.int64),
            )  # fmt: skip
            depth = ledger[:, units.LIBRARY].astype(np.float64)
            caller.name(block.start + first, scores, picked, depth)

        return name


def _mark(plan: TallyPlan, annotator: Annotator, seed: int) -> str:
    """Digest of the samples of the cells and of what names them."""
    digest = hashlib.sha256("\n".join([str(seed), *map(str, plan.rows.index)]).encode())
    for codes in plan.row_codes:
        digest.update(np.ascontiguousarray(codes, dtype=np.int64).data)
    for field in dataclasses.fields(annotator):
        value = getattr(annotator, field.name)
        if isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(json.dumps(value, default=_plain).encode())
    return digest.hexdigest()


def _plain(value: object) -> object:
    return value.to_json() if isinstance(value, StateModel) else str(value)
