"""From a cohort's TOML file and its two tables to a checked :class:`Cohort`."""

from pathlib import Path

import numpy as np
import pandas as pd

from turncoat.errors import (
    DroppedDataWarning,
    MissingFileError,
    StudyError,
    did_you_mean,
    warn,
)
from turncoat.outcome.cohorts import checks
from turncoat.outcome.cohorts.cohort import DROPPED, Cohort
from turncoat.outcome.cohorts.declaration import (
    MISSING_MARKS,
    CovariateDeclaration,
    Declaration,
    read_declaration,
)
from turncoat.outcome.cohorts.expression import Dropped, read_expression


def read_cohort(path: str | Path) -> Cohort:
    """Read a cohort that a TOML file declares, with every check made.

    Parameters
    ----------
    path
        The TOML file; the files it names are looked for beside it.

    Returns
    -------
    Cohort
        Patients with expression, follow-up in months and covariates. What was left out is
        in its field ``dropped``.

    Raises
    ------
    MissingFileError
        When a named file does not exist.
    FileFormatError
        When a file is not what it is declared to be.
    StudyError
        When times, events, names or scales contradict the declaration.
    """
    path = Path(path)
    return assemble(read_declaration(path), path.parent)


def assemble(declared: Declaration, folder: Path) -> Cohort:
    """Join the tables that a declaration names."""
    expression, dropped = read_expression(declared, folder)
    clinical = _keep(declared, _read_clinical(declared, folder), dropped)
    shared = [patient for patient in expression.index if patient in set(clinical.index)]
    if not shared:
        raise StudyError(
            f"Cohort '{declared.name}': no patient of the clinical table is in the expression file; "
            f"clinical: {list(clinical.index[:3])}, expression: {list(expression.index[:3])}."
        )
    _say_unshared(expression.index, clinical.index, shared, dropped)
    clinical = clinical.loc[shared]
    clinical = _with_follow_up(declared, clinical, dropped)
    expression = expression.loc[clinical.index]
    values = np.ascontiguousarray(expression.to_numpy(dtype=np.float32))
    checks.refuse_same_profiles(declared.name, values, list(clinical.index))
    if dropped:
        told = "; ".join(f"{row['what']} {row['name']}: {row['reason']}" for row in dropped)
        warn(f"Cohort '{declared.name}': left out {told}.", DroppedDataWarning)
    return Cohort(
        name=declared.name,
        title=declared.title,
        source=declared.source,
        endpoint=declared.endpoint,
        platform=declared.platform,
        scale="log_ratio" if declared.scale == "log_ratio" else "log2",
        expression=values,
        genes=tuple(expression.columns),
        patients=tuple(clinical.index),
        time=checks.months_of(declared, clinical[declared.time]),
        cause=checks.causes_of(declared, clinical[declared.event]),
        covariates=_covariates(declared, clinical),
        subtype=declared.subtype,
        subtype_level=float(declared.subtype_level == "positive"),
        dropped=DROPPED.build(dropped),
    )


def _read_clinical(declared: Declaration, folder: Path) -> pd.DataFrame:
    if declared.clinical_file:
        table = _read_clinical_text(declared, folder / declared.clinical_file)
    else:
        import anndata as ad

        table = ad.read_h5ad(folder / declared.expression_file, backed="r").obs.reset_index()
        table = table.astype(str)
    needed = [declared.patient_column, declared.time, declared.event, *declared.keep]
    needed += [covariate.column for covariate in declared.covariates.values()]
    for column in needed:
        if column not in table:
            raise StudyError(
                f"Cohort '{declared.name}': the clinical table has no column '{column}'. "
                f"{did_you_mean(column, table.columns)}"
            )
    table = table.set_index(declared.patient_column, drop=False)
    table.index = table.index.astype(str)
    checks.refuse_duplicates(declared.name, "patients of the clinical table", table.index)
    return table


def _read_clinical_text(declared: Declaration, path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise MissingFileError(
            f"Cohort '{declared.name}' names the clinical file {path}, which does not exist."
        )
    separator = "," if path.name.removesuffix(".gz").endswith(".csv") else "\t"
    comment = declared.comment or None
    return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, comment=comment)


def _keep(declared: Declaration, clinical: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    """Keep the specimens that the declaration asks for."""
    for column, values in declared.keep.items():
        out = clinical[~clinical[column].isin(values)]
        for value, rows in out.groupby(column):
            dropped.append(
                {
                    "what": "patient",
                    "name": ", ".join(rows.index),
                    "reason": f"{column} is '{value}'",
                }
            )
        clinical = clinical[clinical[column].isin(values)]
    return clinical


def _say_unshared(
    expression: "pd.Index[str]", clinical: "pd.Index[str]", shared: list[str], dropped: Dropped
) -> None:
    in_both = set(shared)
    kept_out = {name for row in dropped for name in row["name"].split(", ")}
    for where, names in (("clinical", clinical), ("expression", expression)):
        lost = [name for name in names if name not in in_both and name not in kept_out]
        if lost:
            shown = ", ".join(lost) if len(lost) <= 5 else f"{len(lost)} patients"
            dropped.append(
                {"what": "patient", "name": shown, "reason": f"only in the {where} table"}
            )


def _with_follow_up(
    declared: Declaration, clinical: pd.DataFrame, dropped: Dropped
) -> pd.DataFrame:
    """Leave out patients whose time or event is not known."""
    known = ~(_missing(clinical[declared.time]) | _missing(clinical[declared.event]))
    if not known.all():
        dropped.append(
            {
                "what": "patient",
                "name": f"{int((~known).sum())} patients",
                "reason": "no time or no event given",
            }
        )
    return clinical[known]


def _missing(values: "pd.Series[str]", further: tuple[str, ...] = ()) -> "pd.Series[bool]":
    return (
        values.str.strip().str.lower().isin([*MISSING_MARKS, *(mark.lower() for mark in further)])
    )


def _covariates(declared: Declaration, clinical: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, pd.Series[float]] = {}
    for name, covariate in declared.covariates.items():
        columns.update(_read_covariate(declared.name, name, covariate, clinical[covariate.column]))
    return pd.DataFrame(columns, index=clinical.index, dtype=float)


def _read_covariate(
    cohort: str, name: str, declared: CovariateDeclaration, values: "pd.Series[str]"
) -> dict[str, "pd.Series[float]"]:
    """Read one covariate as one column, or as one column per category after the first."""
    text = values.str.strip()
    unknown = _missing(text, declared.missing)
    if declared.kind == "binary":
        return {name: text.isin(declared.positive).astype(float).mask(unknown)}
    if declared.kind == "number":
        numbers = pd.to_numeric(text.mask(unknown), errors="coerce").astype(float)
        odd = sorted(set(text[numbers.isna() & ~unknown]))
        if odd:
            raise StudyError(
                f"Cohort '{cohort}': covariate '{name}' is declared a number but holds {odd[:5]}. "
                f"Name these in 'covariates.{name}.missing', or declare a category."
            )
        return {name: numbers}
    levels = text[~unknown].value_counts().index[1:]
    return {f"{name}={level}": (text == level).astype(float).mask(unknown) for level in levels}
