"""Tables beside the cells: one line a sample, or one line a cell."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from turncoat.errors import FileFormatError, MissingKeyError, StudyError, did_you_mean
from turncoat.study.labels import as_text
from turncoat.study.sources.reading import existing


def read_delimited(path: Path, what: str) -> pd.DataFrame:
    """Read a CSV or TSV; which of the two is told from its first line.

    Raises
    ------
    MissingFileError
        When there is no such file.
    FileFormatError
        When it cannot be read.
    """
    place = existing(path)
    try:
        return pd.read_csv(place, sep=None, engine="python", dtype=object, encoding="utf-8-sig")
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{path}: the {what} cannot be read as CSV or TSV with a first line of names ({error})."
        ) from error


def read_sheet(path: Path, key: str) -> pd.DataFrame:
    """Read a sample sheet: index sample, numbers as numbers.

    Parameters
    ----------
    path
        CSV or TSV with a line a sample.
    key
        Column that names the samples as the cells do.

    Returns
    -------
    DataFrame
        One row a sample.

    Raises
    ------
    MissingKeyError
        When there is no such column.
    StudyError
        When a sample has no name, or two lines.
    """
    table = read_delimited(path, "sample sheet")
    if key not in table.columns:
        raise MissingKeyError(
            f"The sample sheet {path.name} has no column '{key}'. {did_you_mean(key, table.columns)}"
        )
    samples = pd.Index([as_text(value) for value in table[key]], dtype=object)
    if (samples == "").any():
        line = int((samples == "").argmax()) + 2
        raise StudyError(f"The sample sheet {path.name} has no sample in line {line}.")
    if samples.has_duplicates:
        twice = samples[samples.duplicated()][0]
        raise StudyError(
            f"The sample sheet {path.name} has the sample '{twice}' in more than one line; "
            "each sample should have one."
        )
    columns = [str(name) for name in table.columns if name != key]
    return table[columns].apply(_numbers_if_all).set_axis(samples)


def _numbers_if_all(column: "pd.Series[str]") -> "pd.Series[str] | pd.Series[float]":
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().sum() == column.notna().sum() > 0 else column


def read_cell_labels(path: Path) -> pd.DataFrame:
    """Read labels of cells: index barcode, perhaps a column ``file``.

    Raises
    ------
    StudyError
        When a barcode (of one file) has two lines.
    """
    table = read_delimited(path, "table of cell labels")
    first = str(table.columns[0])
    table = table.set_index(first)
    table.index = pd.Index([as_text(value) for value in table.index], dtype=object, name=None)
    within = ["file"] if "file" in table.columns else []
    repeated = table.reset_index().duplicated([*within, "index"])
    if repeated.any():
        raise StudyError(
            f"{path.name} labels the cell '{table.index[int(repeated.to_numpy().argmax())]}' twice. Each cell "
            "should have one line; add a column 'file' where files share barcodes."
        )
    return table


def read_pairs(path: Path) -> pd.DataFrame:
    """Read a table of ligand-receptor pairs: columns ligand and receptor, texts throughout.

    Raises
    ------
    MissingKeyError
        When one of the two columns is not there.
    StudyError
        When a line lacks a gene or has a malformed complex.
    """
    table = read_delimited(path, "table of pairs")
    for column in ("ligand", "receptor"):
        if column not in table.columns:
            raise MissingKeyError(
                f"The table of pairs {path.name} has no column '{column}'. "
                f"{did_you_mean(column, table.columns)}"
            )
        table[column] = [as_text(value) for value in table[column]]
        for line, name in enumerate(table[column], start=2):
            if not all(name.split("_")):
                raise StudyError(
                    f"Line {line} of the table of pairs {path.name} has the {column} '{name}': "
                    "expected a gene symbol, or the subunits of a complex joined by '_'."
                )
    others = [name for name in table.columns if name not in {"ligand", "receptor", "n_sources"}]
    table[others] = table[others].fillna("").astype(str)
    return table


def off_panel(name: str, pairs: pd.DataFrame, genes: Sequence[str]) -> list[tuple[str, str]]:
    """List the pairs of a table of which some cells lack a gene.

    Parameters
    ----------
    name
        Of the table, for messages.
    pairs
        Columns ligand and receptor, subunits joined by ``_``.
    genes
        Symbols of the cells' genes.

    Returns
    -------
    list
        The pair as a text, and the genes it lacks.

    Raises
    ------
    StudyError
        When every pair lacks a gene.
    """
    present = set(genes)
    found = []
    for ligand, receptor in zip(pairs["ligand"], pairs["receptor"], strict=True):
        lacking = [gene for gene in f"{ligand}_{receptor}".split("_") if gene not in present]
        if lacking:
            found.append((f"{ligand} → {receptor}", ", ".join(lacking)))
    if found and len(found) == len(pairs):
        folded = {gene.upper() for gene in genes}
        cased = any(gene.upper() in folded for _, lacks in found for gene in lacks.split(", "))
        hint = " They fit when case is ignored: are they of another species?" if cased else ""
        raise StudyError(
            f"No pair of the table {name} has all its genes among the {len(present)} genes of the "
            f"cells: the first, {found[0][0]}, lacks {found[0][1]}.{hint} Correct the symbols, or "
            "leave 'pairs' out of [crosstalk] to ask the bundled ones."
        )
    return found
