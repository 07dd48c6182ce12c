"""A study: one file that says where the cells are, what is asked, and how to work."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from turncoat.errors import DesignWarning, FileFormatError, StudyError, did_you_mean, warn
from turncoat.stats.contrast import Contrast
from turncoat.study import form
from turncoat.study.corrected import corrected
from turncoat.study.design import check_contrast, count_contrast
from turncoat.study.labels import CellKeys
from turncoat.study.mistakes import explain
from turncoat.study.others import OtherStudyForm, check_others
from turncoat.study.plan import PlanOptions, TallyPlan, plan_sources
from turncoat.study.sheets import off_panel, read_cell_labels, read_pairs, read_sheet
from turncoat.study.sources import CellSource, open_sources
from turncoat.study.sources.reading import existing

#: Where findings go unless the study file says otherwise, beside it.
OUTPUT = "turncoat-run"


class Study(BaseModel):
    """What ``study.toml`` says, checked; paths resolved against the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    about: Annotated[form.StudyForm, Field(alias="study")] = form.StudyForm()
    cells: form.CellsForm
    samples: form.SamplesForm = form.SamplesForm()
    comparisons: Annotated[tuple[form.ContrastForm, ...], Field(alias="contrasts")] = ()
    studies: tuple[OtherStudyForm, ...] = ()
    cohorts: tuple[form.CohortForm, ...] = ()
    quality: form.QualityForm = form.QualityForm()
    annotation: form.AnnotationForm = form.AnnotationForm()
    statistics: form.StatisticsForm = form.StatisticsForm()
    allegiance: form.AllegianceForm = form.AllegianceForm()
    states: form.StatesForm = form.StatesForm()
    crosstalk: form.CrosstalkForm = form.CrosstalkForm()
    niche: form.NicheForm = form.NicheForm()
    outcome: form.OutcomeForm = form.OutcomeForm()
    therapy: form.TherapyForm = form.TherapyForm()
    simulation: form.SimulationForm = form.SimulationForm()
    run: form.RunForm = form.RunForm()

    _path: Path = PrivateAttr(default=Path("study.toml"))

    @property
    def path(self) -> Path:
        """The study file."""
        return self._path

    @property
    def title(self) -> str:
        """Name of the study, or of its file."""
        return self.about.name or self._path.stem

    @property
    def output(self) -> Path:
        """The run directory."""
        return self.about.output or self._path.parent / OUTPUT

    @property
    def seed(self) -> int:
        """Seed of every random stream."""
        return self.run.seed

    @property
    def fdr(self) -> float:
        """False-discovery rate that a verdict must pass."""
        return self.statistics.fdr

    @property
    def contrasts(self) -> dict[str, Contrast]:
        """The questions by their names, in the order of the file."""
        return {one.name or one.contrast.label: one.contrast for one in self.comparisons}

    @property
    def files(self) -> list[Path]:
        """Every file that the tally depends on."""
        others = (self.samples.sheet, self.cells.labels)
        return [*self.cells.files, *(path for path in others if path is not None)]

    @property
    def keys(self) -> CellKeys:
        """Where the labels of the cells are."""
        cells = self.cells
        rename = {cells.population: cells.label_map} if cells.population else {}
        return CellKeys(
            cells.donor,
            cells.sample,
            cells.tissue,
            cells.condition,
            cells.population,
            cells.keep,
            rename,
        )

    def sources(self) -> tuple[CellSource, ...]:
        """Open the files of cells.

        Raises
        ------
        MissingFileError
            When one is not there.
        FileFormatError
            When one is damaged or not what it seems.
        """
        if self.cells.counts == "corrected":
            return tuple(corrected(path, layer=self.cells.layer) for path in self.cells.files)
        return open_sources(self.cells.files, layer=self.cells.layer)

    def sheet(self) -> pd.DataFrame | None:
        """Read the sample sheet, where there is one."""
        if self.samples.sheet is None:
            return None
        return read_sheet(self.samples.sheet, self.samples.key)

    def cell_labels(self) -> pd.DataFrame | None:
        """Read the table of cell labels, where there is one."""
        return None if self.cells.labels is None else read_cell_labels(self.cells.labels)

    def pairs(self) -> pd.DataFrame | None:
        """Read the study's own table of ligand-receptor pairs, where there is one."""
        return None if self.crosstalk.pairs is None else read_pairs(self.crosstalk.pairs)

    def pairs_off_panel(self, plan: TallyPlan) -> list[tuple[str, str]]:
        """List the study's own pairs of which the cells lack a gene: the pair, and the genes.

        Raises
        ------
        StudyError
            When that is so of every pair: nothing could be asked of them.
        """
        own, path = self.pairs(), self.crosstalk.pairs
        if own is None or path is None:
            return []
        return off_panel(path.name, own, plan.gene_names)

    def plan(self, cell_labels: pd.DataFrame | None = None) -> TallyPlan:
        """Decide which cell goes to which row of the tally, and check every contrast.

        Parameters
        ----------
        cell_labels
            Labels of cells made elsewhere (by annotation, say), instead of the file's.

        Returns
        -------
        TallyPlan
            What the tally is going to do.

        Raises
        ------
        TurncoatError
            When files, labels, genes, counts or contrasts cannot be used.
        """
        options = PlanOptions(
            self.cells.gene_join, self.about.species, self.about.kind, self.about.synthetic
        )
        labels = self.cell_labels() if cell_labels is None else cell_labels
        keys = self.keys
        if keys.population is None and cell_labels is not None:
            keys = dataclasses.replace(keys, population="population")
        plan = plan_sources(self.sources(), keys, options, self.sheet(), labels)
        self._check_label_map(plan)
        self.pairs_off_panel(plan)  # malformed or of other genes: told before any work
        if keys.population is not None:
            self._check_sides(set(plan.rows["population"]))
        self.check_contrasts(plan.rows)
        return plan

    def check_contrasts(self, rows: pd.DataFrame) -> None:
        """Check every contrast against the rows of a plan, and warn of those without units.

        Raises
        ------
        StudyError
            When a contrast names a column or level that is not there.
        """
        for name, contrast in self.contrasts.items():
            check_contrast(contrast, rows, name)
            counted = count_contrast(contrast, rows)
            if not counted.testable:
                warn(f"'{name}' is described, not tested: {counted.reason}", DesignWarning)

    def _check_label_map(self, plan: TallyPlan) -> None:
        """Refuse a label map whose right-hand sides never occur: its left-hand sides do not."""
        present = set(plan.rows["population"])
        for old, new in self.cells.label_map.items():
            if new not in present:
                raise StudyError(
                    f"{self._path.name}: label_map renames '{old}', but no cell of the column "
                    f"'{self.cells.population}' is called so. {did_you_mean(old, present)}"
                )

    def _check_sides(self, present: set[str]) -> None:
        """Refuse senders and receivers of crosstalk that are no population of the cells."""
        for key in ("senders", "receivers"):
            names = getattr(self.crosstalk, key)
            for name in () if isinstance(names, str) else names:
                if name not in present:
                    raise StudyError(
                        f"{self._path.name}: [crosstalk] {key} has '{name}', but no population is "
                        f"called so. {did_you_mean(name, present)}"
                    )


def load_study(path: str | Path) -> Study:
    """Read and check a study file; no cell is read yet.

    Parameters
    ----------
    path
        The file, ``study.toml``.

    Returns
    -------
    Study
        What it says.

    Raises
    ------
    MissingFileError
        When there is no such file.
    FileFormatError
        When it is not TOML.
    StudyError
        When a key is unknown, missing or has a wrong value.

    Examples
    --------
    >>> load_study("study.toml").contrasts  # doctest: +SKIP
    {'tissue: tLung vs nLung': Contrast(variable='tissue', ...)}
    """
    place = existing(Path(path).expanduser())
    if place.is_dir():
        place = existing(place / "study.toml")
    try:
        stated = tomllib.loads(place.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{place} is no TOML: {error}. Texts need quotes, lists square brackets; "
            "`turncoat init` writes an example."
        ) from error
    try:
        study = Study.model_validate(stated, context={"folder": place.parent})
    except ValidationError as error:
        raise StudyError(explain(error, Study, place.name)) from error
    names = [one.name or one.contrast.label for one in study.comparisons]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise StudyError(f"{place.name}: two contrasts are called '{twice}'. Give each a name.")
    for name in study.crosstalk.contrasts:
        if name not in names:
            raise StudyError(
                f"{place.name}: [crosstalk] contrasts has '{name}', but no contrast is called so. "
                f"{did_you_mean(name, names)}"
            )
    study._path = place.resolve()
    check_others(place.name, study.title, study.studies, names)
    return study
