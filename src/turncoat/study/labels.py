"""Which tally row each cell belongs to: labels read, joined, checked, turned into codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import MissingKeyError, StudyError, did_you_mean
from turncoat.study.sources.annotation import Annotation, Coded, StoredColumn, annotation_of
from turncoat.study.sources.protocol import CellSource
from turncoat.tables import IntArray, TextArray

if TYPE_CHECKING:
    import pandas as pd

#: The five labels of a cell, as the tally names them; a cell without one of the first four is
#: refused, a cell without a population is left out.
SAMPLE_COLUMNS = ("donor", "sample", "tissue", "condition")
POPULATION = "population"
#: The level of a label that the study does not distinguish.
ONE_LEVEL = "all"
#: Keys that stand for the name of the file or its folder, where one file is one sample.
FILE = "@file"
FOLDER = "@folder"
#: Joins columns in a key (``donor+tissue``) and, as ``_``, their levels.
JOIN = "+"
#: Texts that mean "no label": what NaN becomes when a table goes through text. "None" is not
#: among them: it is a level of many a treatment.
MISSING = frozenset({"", "nan", "NaN", "NA", "N/A", "<NA>"})
SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class CellKeys:
    """Where the labels of a cell are: columns of ``obs`` or of the sample sheet.

    Parameters
    ----------
    donor, sample
        Columns; ``"@file"`` takes the file's name, ``"@folder"`` its folder's, ``"a+b"`` joins
        two columns.
    tissue, condition, population
        Columns, or None where the study does not distinguish them.
    covariates
        Further columns of ``obs``, constant within a sample, to keep in the tally.
    rename
        New names of levels, per column of ``obs``.
    """

    donor: str
    sample: str
    tissue: str | None = None
    condition: str | None = None
    population: str | None = None
    covariates: tuple[str, ...] = ()
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def column_of(self, label: str) -> str | None:
        """Column that holds one of the five labels."""
        column: str | None = getattr(self, label)
        return column


@dataclass(frozen=True, slots=True)
class Labels:
    """One label of every cell of a source, as codes into its levels (-1 = no label)."""

    codes: IntArray
    levels: tuple[Any, ...]


def as_text(value: Any) -> str:
    """Write a label as text: 3.0 and 3 are the same donor, and NaN is none."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if text in MISSING else text


def code_column(values: StoredColumn, rename: Mapping[str, str] | None = None) -> Labels:
    """Turn a column into codes and text levels, in order of appearance."""
    if isinstance(values, Coded):
        coded = values.by_appearance()
        codes, found = coded.codes, list(coded.levels)
    else:
        import pandas as pd

        codes, index = pd.factorize(values, use_na_sentinel=True)
        found = list(index)
    texts = [as_text(value) for value in found]
    texts = [(rename or {}).get(text, text) for text in texts]
    levels = list(dict.fromkeys(text for text in texts if text))
    number = {text: code for code, text in enumerate(levels)}
    recode = np.array([*(number.get(text, -1) for text in texts), -1], dtype=np.int64)
    return Labels(recode[codes], tuple(levels))


def constant(n_cells: int, level: str) -> Labels:
    """Label every cell alike."""
    return Labels(np.zeros(n_cells, dtype=np.int64), (level,))


def read_labels(
    source: CellSource,
    keys: CellKeys,
    sheet: "pd.DataFrame | None",
    cell_labels: "pd.DataFrame | None" = None,
) -> tuple[dict[str, Labels], TextArray]:
    """Read the five labels and the covariates of one source, and its barcodes.

    Parameters
    ----------
    source
        The cells.
    keys
        Where the labels are.
    sheet
        One row a sample; looked into for what the cells do not have.
    cell_labels
        One row a cell (index barcode, perhaps a column ``file``); wins over ``obs``.

    Returns
    -------
    tuple
        Labels by name, and the barcodes.

    Raises
    ------
    MissingKeyError
        When a column is nowhere.
    StudyError
        When a cell lacks donor, sample, tissue or condition.
    """
    wanted = {label: keys.column_of(label) for label in (*SAMPLE_COLUMNS, POPULATION)}
    wanted |= {column: column for column in keys.covariates}
    stored = _annotation(source, [c for c in wanted.values() if c], cell_labels)
    labels: dict[str, Labels] = {}
    for label, column in sorted(wanted.items(), key=lambda pair: pair[0] != "sample"):
        labels[label] = _label(source, label, column, stored, labels.get("sample"), keys, sheet)
        if label in SAMPLE_COLUMNS:
            _refuse_missing(source, label, column, labels[label], stored.barcodes)
    return labels, stored.barcodes


def _annotation(
    source: CellSource, wanted: Sequence[str], cell_labels: "pd.DataFrame | None"
) -> Annotation:
    """Read the columns that are wanted and there, from the table of labels or from ``obs``."""
    in_obs = source.obs_columns
    parts = [part for column in wanted for part in (column, *column.split(JOIN))]
    named = dict.fromkeys(parts)
    stored = annotation_of(source, [c for c in named if c in in_obs])
    if cell_labels is None:
        return stored
    import pandas as pd

    own = cell_labels
    if "file" in own.columns:
        own = own[own["file"].astype(str).isin([source.name, str(source.path)])]
    barcodes = pd.Index(stored.barcodes)
    given = {c: own[c].reindex(barcodes) for c in named if c in own.columns}
    return Annotation(stored.barcodes, {**stored.columns, **given})


def _label(
    source: CellSource,
    label: str,
    column: str | None,
    stored: Annotation,
    sample: Labels | None,
    keys: CellKeys,
    sheet: "pd.DataFrame | None",
) -> Labels:
    if column is None:
        return constant(source.n_cells, ONE_LEVEL)
    if column in stored.columns:
        return code_column(stored.columns[column], keys.rename.get(column))
    if column in {FILE, FOLDER}:
        return constant(source.n_cells, file_label(source, column))
    parts = column.split(JOIN)
    if len(parts) > 1 and set(parts) <= set(stored.columns):
        return joined([code_column(stored.columns[part]) for part in parts])
    if sheet is None or column not in sheet.columns or sample is None or label == POPULATION:
        known = [*source.obs_columns, *([] if sheet is None else sheet.columns)]
        raise MissingKeyError(
            f"{source.name}: obs has no column '{column}' (argument '{label}_key'). "
            f"{did_you_mean(column, known)}"
        )
    of_samples = code_column(sheet[column].reindex(list(sample.levels)))
    return Labels(np.append(of_samples.codes, -1)[sample.codes], of_samples.levels)


def joined(several: Sequence[Labels]) -> Labels:
    """Join labels cell by cell: ``d1`` and ``tumour`` give ``d1_tumour``."""
    import pandas as pd

    codes = pd.DataFrame(dict(enumerate(one.codes for one in several)))
    texts = codes.drop_duplicates()
    names = [
        "" if (row < 0).any() else "_".join(several[i].levels[code] for i, code in enumerate(row))
        for row in texts.to_numpy()
    ]
    place = codes.merge(texts.assign(name=names), how="left", on=list(codes.columns))
    return code_column(place["name"])


def file_label(source: CellSource, key: str = FILE) -> str:
    """Name a sample after its file, without endings, or after the file's folder."""
    if key == FOLDER and source.path is not None:
        return source.path.resolve().parent.name
    stem = source.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".h5ad", ".h5", ".loom", ".zarr", ".mtx"):
        stem = stem.removesuffix(ending)
    return stem


def _refuse_missing(
    source: CellSource, label: str, column: str | None, labels: Labels, barcodes: TextArray
) -> None:
    missing = np.flatnonzero(labels.codes < 0)
    if missing.size:
        raise StudyError(
            f"{source.name}: {missing.size:,} of {source.n_cells:,} cells have no {label} "
            f"(column '{column}'), the first is {barcodes[missing[0]]}. Fill the column, or take "
            "these cells out."
        )
