"""The TOML file that says what a cohort's two files mean."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from turncoat.errors import FileFormatError, MissingFileError, StudyError, did_you_mean

#: What the numbers of the expression file are. ``log_ratio``: log2 against a reference pool
#: (two-colour arrays), so that levels of different genes cannot be compared.
SCALES: Final = ("log2", "log_ratio", "linear")
IDS: Final = ("symbol", "entrez", "ensembl", "probe")
KINDS: Final = ("binary", "number", "category")
ORIENTATIONS: Final = ("genes_by_patients", "patients_by_genes")
#: Months per unit; a month is 365.25 / 12 days.
MONTHS_PER_UNIT: Final = {"days": 12 / 365.25, "weeks": 84 / 365.25, "months": 1.0, "years": 12.0}
MISSING_MARKS: Final = ("", "na", "nan", "n/a", "missing", "unknown", "not available", "?")


@dataclass(frozen=True, slots=True)
class CovariateDeclaration:
    """One clinical covariate: its column and how to read it.

    Parameters
    ----------
    column
        Column of the clinical table.
    kind
        ``binary`` (1 for the values in ``positive``), ``number`` or ``category``.
    positive
        Values that count as 1 for a binary covariate.
    missing
        Further values that mean "not known".
    """

    column: str
    kind: str
    positive: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a cohort's TOML file says; :func:`read_declaration` makes it.

    Parameters
    ----------
    name, title, source
        How tables call the cohort, what it is, where it comes from.
    expression_file, orientation, scale, platform, ids
        The expression file and what its numbers and gene names are.
    gene_column
        Column with the gene names; empty for the first column.
    drop_columns
        Columns of the expression file that are neither gene names nor patients.
    patient_pattern
        Regular expression with one group that turns a sample's name into the patient's;
        samples that do not match are left out (normals, metastases). Empty for none.
    clinical_file, patient_column, comment
        The clinical table (empty: ``obs`` of the h5ad), its patient column, its comment mark.
    endpoint, time, unit, event, event_values, censored_values, competing_values
        The endpoint, its time column and unit, its event column and what its values mean.
    covariates
        Covariates by name. The names ``er``, ``stage``, ``nodes``, ``grade`` and ``age`` are
        those that the default model asks for.
    subtype, subtype_level
        The binary covariate that makes the subtype, and the level (``positive`` or
        ``negative``) in which the claim is made.
    keep
        Column and the values to keep, for tables that mix primaries with other specimens.
    """

    name: str
    title: str
    source: str
    expression_file: str
    orientation: str
    scale: str
    platform: str
    ids: str
    gene_column: str
    drop_columns: tuple[str, ...]
    patient_pattern: str
    clinical_file: str
    patient_column: str
    comment: str
    endpoint: str
    time: str
    unit: str
    event: str
    event_values: tuple[str, ...]
    censored_values: tuple[str, ...]
    competing_values: tuple[str, ...]
    covariates: dict[str, CovariateDeclaration]
    subtype: str
    subtype_level: str
    keep: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_declaration(path: Path) -> Declaration:
    """Read a cohort's TOML file and check that it says all that is needed.

    Parameters
    ----------
    path
        The TOML file.

    Returns
    -------
    Declaration
        What it says, with defaults filled in.

    Raises
    ------
    MissingFileError
        When there is no such file.
    FileFormatError
        When it is not TOML.
    StudyError
        When an entry is missing, misspelt or has a value that means nothing.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no cohort file {path}.")
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"{path.name} is not TOML: {error}.") from error
    return declaration_from(told, path.name)


_SECTIONS: Final = {
    "": {
        "name",
        "title",
        "source",
        "expression",
        "clinical",
        "endpoint",
        "covariates",
        "subtype",
        "keep",
    },
    "expression": {
        "file",
        "orientation",
        "scale",
        "platform",
        "ids",
        "gene_column",
        "drop_columns",
        "patient_pattern",
    },
    "clinical": {"file", "patient", "comment"},
    "endpoint": {
        "name",
        "time",
        "unit",
        "event",
        "event_values",
        "censored_values",
        "competing_values",
    },
    "subtype": {"covariate", "level"},
}


def declaration_from(told: Mapping[str, Any], file: str) -> Declaration:
    """Check the parsed entries of a cohort's TOML file."""
    for section, known in _SECTIONS.items():
        _refuse_unknown(told if not section else told.get(section, {}), known, section, file)
    expression, clinical, endpoint = (
        _need(told, section, "", file) for section in ("expression", "clinical", "endpoint")
    )
    covariates = {
        name: _covariate(name, entry, file) for name, entry in told.get("covariates", {}).items()
    }
    subtype = told.get("subtype", {})
    declared = Declaration(
        name=_need(told, "name", "", file),
        title=told.get("title", ""),
        source=told.get("source", ""),
        expression_file=_need(expression, "file", "expression", file),
        orientation=expression.get("orientation", "genes_by_patients"),
        scale=_need(expression, "scale", "expression", file),
        platform=expression.get("platform", ""),
        ids=expression.get("ids", "symbol"),
        gene_column=expression.get("gene_column", ""),
        drop_columns=_texts(expression.get("drop_columns", [])),
        patient_pattern=expression.get("patient_pattern", ""),
        clinical_file=clinical.get("file", ""),
        patient_column=_need(clinical, "patient", "clinical", file),
        comment=clinical.get("comment", ""),
        endpoint=_need(endpoint, "name", "endpoint", file),
        time=_need(endpoint, "time", "endpoint", file),
        unit=_need(endpoint, "unit", "endpoint", file),
        event=_need(endpoint, "event", "endpoint", file),
        event_values=_texts(endpoint.get("event_values", ["1"])),
        censored_values=_texts(endpoint.get("censored_values", ["0"])),
        competing_values=_texts(endpoint.get("competing_values", [])),
        covariates=covariates,
        subtype=subtype.get("covariate", ""),
        subtype_level=subtype.get("level", "negative"),
        keep={column: _texts(values) for column, values in told.get("keep", {}).items()},
    )
    _check_choices(declared, file)
    return declared


def _check_choices(declared: Declaration, file: str) -> None:
    choices = (
        ("expression.scale", declared.scale, SCALES),
        ("expression.ids", declared.ids, IDS),
        ("expression.orientation", declared.orientation, ORIENTATIONS),
        ("endpoint.unit", declared.unit, tuple(MONTHS_PER_UNIT)),
        ("subtype.level", declared.subtype_level, ("positive", "negative")),
        *((f"covariates.{n}.kind", c.kind, KINDS) for n, c in declared.covariates.items()),
    )
    for entry, value, allowed in choices:
        if value not in allowed:
            raise StudyError(f"{file}: '{entry}' is {value!r}; it must be one of {list(allowed)}.")
    if declared.subtype:
        kind = (
            declared.covariates[declared.subtype].kind
            if declared.subtype in declared.covariates
            else ""
        )
        if kind != "binary":
            raise StudyError(
                f"{file}: 'subtype.covariate' must name a binary covariate; got "
                f"{declared.subtype!r}. {did_you_mean(declared.subtype, declared.covariates)}"
            )


def _covariate(name: str, entry: object, file: str) -> CovariateDeclaration:
    if not isinstance(entry, Mapping):
        raise StudyError(f"{file}: 'covariates.{name}' must be a table with 'column' and 'kind'.")
    _refuse_unknown(entry, {"column", "kind", "positive", "missing"}, f"covariates.{name}", file)
    kind = _need(entry, "kind", f"covariates.{name}", file)
    positive = _texts(entry.get("positive", ["1"] if kind == "binary" else []))
    return CovariateDeclaration(
        _need(entry, "column", f"covariates.{name}", file),
        kind,
        positive,
        _texts(entry.get("missing", [])),
    )


def _texts(values: object) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(value) for value in listed)


def _need(told: Mapping[str, Any], entry: str, section: str, file: str) -> Any:
    if entry not in told:
        where = f"{section}.{entry}" if section else entry
        raise StudyError(f"{file}: the entry '{where}' is missing. {did_you_mean(entry, told)}")
    return told[entry]


def _refuse_unknown(told: Mapping[str, Any], known: set[str], section: str, file: str) -> None:
    for entry in told:
        if entry not in known:
            where = f"[{section}]" if section else "the file"
            raise StudyError(
                f"{file}: {where} has no entry '{entry}'. {did_you_mean(entry, known)}"
            )
