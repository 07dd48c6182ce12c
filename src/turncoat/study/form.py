"""The tables of ``study.toml``, each with its keys, defaults and meaning."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from turncoat.errors import MissingFileError, did_you_mean
from turncoat.stats.contrast import Contrast
from turncoat.study.labels import FILE
from turncoat.study.marks import MARKS


def beside_study(value: object, info: ValidationInfo) -> object:
    """Resolve a relative path against the folder of the study file."""
    if isinstance(value, str) and isinstance(info.context, dict) and "folder" in info.context:
        return Path(info.context["folder"]) / Path(value).expanduser()
    return value


StudyPath = Annotated[Path, BeforeValidator(beside_study)]


class Form(BaseModel):
    """A table whose unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyForm(Form):
    """``[study]``: what the study is called and where its findings go."""

    name: str = ""
    species: Literal["human", "mouse"] | None = None
    kind: Literal["unsorted", "sorted", "subsampled"] = "unsorted"
    synthetic: str = ""
    output: StudyPath | None = None


class CellsForm(Form):
    """``[cells]``: files of cells, and the columns of ``obs`` that label them.

    ``sample = "@file"`` takes each file as one sample, ``"@folder"`` each file's folder;
    ``"donor+tissue"`` joins two columns. ``labels`` is a table with one line a cell (first column
    the barcode, perhaps a column ``file``) for files that bring no annotation. ``counts =
    "corrected"`` takes fractional counts from which ambient RNA was taken off.
    """

    files: tuple[StudyPath, ...]
    donor: str
    sample: str = FILE
    tissue: str | None = None
    condition: str | None = None
    population: str | None = None
    layer: str | None = None
    counts: Literal["raw", "corrected"] = "raw"
    gene_join: Literal["intersection", "union"] = "intersection"
    keep: tuple[str, ...] = ()
    labels: StudyPath | None = None
    label_map: dict[str, str] = Field(default_factory=dict)

    @field_validator("files", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _expand(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        files: list[Path] = []
        for path in paths:
            pattern = path.name
            if not set(pattern) & set("*?["):
                files.append(path)
                continue
            found = sorted(path.parent.glob(pattern))
            if not found:
                raise MissingFileError(f"No file in {path.parent} is called like '{pattern}'.")
            files += found
        if not files:
            raise ValueError("name at least one file of cells")
        return tuple(files)


class SamplesForm(Form):
    """``[samples]``: a CSV or TSV with one line a sample; its columns join the tally."""

    sheet: StudyPath | None = None
    key: str = "sample"


class ContrastForm(Form):
    """``[[contrasts]]``: one level of a column against another."""

    variable: str
    case: str
    reference: str
    block: str | None = None
    covariates: tuple[str, ...] = ()
    name: str | None = None

    @property
    def contrast(self) -> Contrast:
        """The contrast that this describes."""
        return Contrast(self.variable, self.case, self.reference, self.block, self.covariates)

    @model_validator(mode="after")
    def _has_roles(self) -> "ContrastForm":
        _ = self.contrast  # refuses equal levels and a column with two roles
        return self


class CohortForm(Form):
    """``[[cohorts]]``: patients with bulk expression and survival, bundled or in a file."""

    name: str | None = None
    file: StudyPath | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "CohortForm":
        if (self.name is None) == (self.file is None):
            raise ValueError("give 'name' of a bundled cohort or 'file' of your own, not both")
        return self


class SimulationForm(Form):
    """``[simulation]``: which tumour model the in-silico mice carry."""

    context: str | None = None
    arms: tuple[str, ...] = ()
    mice: int = Field(default=200, ge=1)


class RunForm(Form):
    """``[run]``: how to work; none of it changes a finding but the seed."""

    seed: int = Field(default=0, ge=0)
    threads: int | None = Field(default=None, ge=1)
    memory_limit: int | None = None

    @field_validator("memory_limit", mode="before")
    @classmethod
    def _bytes(cls, value: object) -> object:
        return parse_bytes(value) if isinstance(value, str) else value


class QualityForm(Form):
    """``[quality]``: which cells are doubtful, and which of them are left out.

    Every cell is looked at and every mark counted; only the marks named in ``remove`` leave cells
    out (``["all"]`` for every mark). By default none does: most files hold cells that somebody
    has chosen already. ``doublets`` also simulates doublets within each sample.
    """

    remove: tuple[str, ...] = ()
    deviations: float = Field(default=5.0, gt=0)
    empty: int = Field(default=100, ge=0)
    doublets: bool = False

    @field_validator("remove")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in {"all", *MARKS}:
                raise ValueError(f"'{name}' is no mark. {did_you_mean(name, ['all', *MARKS])}")
        return value


class AnnotationForm(Form):
    """``[annotation]``: how cells without labels get theirs.

    ``seek`` names rare populations that are looked for: they are called at the line that finds most
    of them with the fewest others, below the confidence of other calls.
    """

    markers: StudyPath | None = None
    annotator: StudyPath | None = None
    seek: tuple[str, ...] = ()


class StatisticsForm(Form):
    """``[statistics]``: how often the findings may be wrong, in every room that tests.

    ``fdr`` is the false-discovery rate that a verdict must pass, over all rows of its table.
    """

    fdr: float = Field(default=0.05, gt=0, lt=1)


class AllegianceForm(Form):
    """``[allegiance]``: how switched sides are judged.

    ``test`` is what verdicts rest on: ``"permutation"`` assumes nothing but that donors can be
    exchanged; ``"moderated"`` finds more with few donors, and assumes more.
    """

    test: Literal["permutation", "moderated"] = "permutation"


class StatesForm(Form):
    """``[states]``: in which populations sub-states are looked for; none with an empty list.

    By default those in which states that help the tumour are on record. ``max_cells`` bounds the
    cells of one population that are read into memory, shared fairly over donors.
    """

    populations: tuple[str, ...] = ("NK", "CD8 T", "CD4 T", "Macrophage", "Neutrophil")
    n_states: int = Field(default=3, ge=2, le=10)
    max_cells: int = Field(default=10_000, ge=100)


class CrosstalkForm(Form):
    """``[crosstalk]``: which signals are followed, and how they are judged.

    ``senders = "switched"`` follows the populations that switched, or all where none did.
    ``contrasts`` names the contrasts that are asked, all by default. ``pairs`` is a CSV or TSV with
    the columns ligand and receptor. ``fdr`` is the study's unless given.
    """

    senders: Literal["switched", "all"] | tuple[str, ...] = "switched"
    receivers: Literal["all"] | tuple[str, ...] = "all"
    contrasts: tuple[str, ...] = ()
    pairs: StudyPath | None = None
    min_cells: int = Field(default=5, ge=1)
    min_donors: int = Field(default=3, ge=2)
    min_detection: float = Field(default=0.05, ge=0, lt=1)
    ambient: float = Field(default=0.05, ge=0, lt=1)
    permutations: int = Field(default=1999, ge=0)
    fdr: float | None = Field(default=None, gt=0, lt=1)

    @field_validator("senders", "receivers", mode="before")
    @classmethod
    def _names(cls, value: object, info: ValidationInfo) -> object:
        words = ("all", "switched") if info.field_name == "senders" else ("all",)
        if isinstance(value, str) and value not in words:
            return (value,)
        if isinstance(value, list) and not value:
            raise ValueError(f"name at least one population, or write one of {list(words)}")
        return value

    @field_validator("permutations")
    @classmethod
    def _enough(cls, value: int) -> int:
        if 0 < value < 99:
            raise ValueError("0 (no permutation test) or at least 99 is needed")
        return value


class NicheForm(Form):
    """``[niche]``: ``batch``, the column that says what was measured together; organs apart are refused."""

    batch: str | None = None


class OutcomeForm(Form):
    """``[outcome]``: how survival is judged."""

    smallest_hr: float = Field(default=1.25, gt=1)
    min_coverage: float = Field(default=0.5, gt=0, le=1)
    random_signatures: int = Field(default=1000, ge=0)
    unmeasured: Literal["drop", "keep"] = "drop"


class TherapyForm(Form):
    """``[therapy]``: for which cancer drugs are looked up."""

    cancer: str = ""


UNITS = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_bytes(text: str) -> int:
    """Read a size such as ``"2 GiB"``, ``"500MB"`` or ``"1.5G"`` (powers of 1024).

    Raises
    ------
    ValueError
        When it is no size.

    Examples
    --------
    >>> parse_bytes("1.5 GiB")
    1610612736
    """
    plain = text.strip().upper().removesuffix("B").removesuffix("I")
    number, unit = plain.rstrip("KMGT").strip(), plain[-1:] if plain[-1:] in "KMGT" else ""
    try:
        return int(float(number) * UNITS[unit])
    except ValueError as error:
        known = did_you_mean(text, ["2 GiB", "500 MiB"])
        raise ValueError(f"'{text}' is no size in bytes. {known}") from error
