"""One run of a study: what stages read from and write to."""

import functools
import hashlib
import io
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from turncoat.errors import MissingFileError
from turncoat.files import whole_file, write_text
from turncoat.pipeline.findings import Findings, slug
from turncoat.pipeline.progress import Progress, Silent
from turncoat.stats import Contrast
from turncoat.study import Study

if TYPE_CHECKING:
    import anndata as ad

T = TypeVar("T")

#: The run's own notes in its directory: keys, hashes, partial work.
HIDDEN = ".turncoat"


@dataclass
class Run:
    """A study, the folder of its run, and how a stage may work.

    Parameters
    ----------
    study
        The study as loaded and checked.
    directory
        The run directory.
    seed
        The one seed; :meth:`rng` derives every stream from it.
    threads
        Threads that a stage may use.
    memory_limit
        Bytes that the pass over the cells may take; None for its own default.
    progress
        Who is told how far a stage has come.
    stage
        Name of the stage at work.
    written
        Files that it has written so far.
    skipped
        Stages that had nothing to do, and why.
    done
        Stages whose findings are in the run directory, in order.
    """

    study: "Study"
    directory: Path
    seed: int = 0
    threads: int = 1
    memory_limit: int | None = None
    progress: Progress = field(default_factory=Silent)
    stage: str = ""
    written: list[Path] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    @property
    def findings(self) -> Findings:
        """All results of this run so far."""
        return Findings(self.directory / "findings")

    @property
    def report(self) -> Path:
        """The page for researchers."""
        return self.directory / "report.html"

    @property
    def hidden(self) -> Path:
        """Where the run keeps its own notes: keys, hashes, partial work."""
        return self.directory / HIDDEN

    def scratch(self) -> Path:
        """Give the stage a folder that outlives a killed run, until the stage's key changes."""
        folder = self.hidden / "scratch" / self.stage
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """Give an independent random stream for a purpose within this stage.

        Parameters
        ----------
        *purpose
            What the stream is for, for instance the contrast and the population.

        Returns
        -------
        numpy.random.Generator
            The same for the same seed, stage and purpose, whatever ran before.
        """
        label = "\0".join(map(str, (self.stage, *purpose)))
        words = np.frombuffer(hashlib.sha256(label.encode()).digest(), dtype=np.uint32)
        return np.random.default_rng([self.seed, *map(int, words)])

    def contrasts(self) -> dict[str, Contrast]:
        """Give the study's contrasts by the part of the findings' names that they make."""
        return {slug(name): contrast for name, contrast in self.study.contrasts.items()}

    def titles(self) -> dict[str, str]:
        """Give the contrasts' names as the study calls them, by the same part."""
        return {slug(name): name for name in self.study.contrasts}

    def tally(self) -> "ad.AnnData":
        """Read the tally; a fresh copy, so that no stage sees what another did to it."""
        return _read_tally(self.directory / "tally.h5ad").copy()

    def save_tally(self, tally: "ad.AnnData", *, aside: bool = False) -> None:
        """Write the tally of this run, or put it aside for the stage that is to do so.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        path = self.tally_aside if aside else self.directory / "tally.h5ad"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = _h5ad_image(tally)
        with whole_file(path) as unfinished:
            unfinished.write_bytes(image)
        _read_tally.cache_clear()
        self.written.append(path)

    @property
    def tally_aside(self) -> Path:
        """Where the stage that names the cells puts the tally that it made on the way."""
        return self.hidden / "named" / "tally.h5ad"

    def take_tally_aside(self) -> None:
        """Make the tally that was put aside the tally of this run.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        path = self.directory / "tally.h5ad"
        with whole_file(path) as unfinished:
            shutil.copyfile(self.tally_aside, unfinished)
        _read_tally.cache_clear()
        self.written.append(path)

    def save(self, name: str, result: object) -> None:
        """Save a result under ``findings/`` as ``room`` or ``room.part``.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        self.written += self.findings.save(name, result)

    def save_text(self, name: str, text: str) -> Path:
        """Save a page or a JSON text in the run directory.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        path = self.directory / name
        write_text(path, text)
        self.written.append(path)
        return path

    def result(self, name: str, cls: type[T]) -> T:
        """Read one result.

        Raises
        ------
        MissingKeyError
            When no stage has saved one of that name.
        """
        return self.findings.load(name, cls)

    def results(self, room: str, cls: type[T]) -> dict[str, T]:
        """Read all results of a room by part; contrasts come in the study's order."""
        parts = [name.partition(".")[2] for name in self.findings.names(room)]
        order = {part: place for place, part in enumerate(self.contrasts())}
        parts.sort(key=lambda part: (order.get(part, len(order)), part))
        return {part: self.findings.load(f"{room}.{part}" if part else room, cls) for part in parts}


def _h5ad_image(tally: "ad.AnnData") -> memoryview:
    """Lay out an h5ad file in memory: HDF5 on a full disk takes the whole process down."""
    import h5py
    from anndata.io import write_elem

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        write_elem(file, "/", tally, dataset_kwargs={"compression": "gzip"})
    return stream.getbuffer()


@functools.lru_cache(maxsize=1)
def _read_tally(path: Path) -> "ad.AnnData":
    import anndata as ad

    if not path.is_file():
        raise MissingFileError(f"There is no tally at {path}; run the tally stage first.")
    return ad.read_h5ad(path)
