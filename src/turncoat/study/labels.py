"""Which tally row each cell belongs to: labels read, joined, checked, turned into codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import MissingKeyError, StudyError, did_you_mean
from turncoat.study.sources.protocol import CellSource
from turncoat.tables import IntArray

#: The five labels of a cell, as the tally names them; a cell without one of the first four is
#: refused, a cell without a population is left out.
SAMPLE_COLUMNS = ("donor", "sample", "tissue", "condition")
POPULATION = "population"
#: The level of a label that the study does not distinguish.
ONE_LEVEL = "all"
#: A key that stands for the name of the file itself, where one file is one sample.
FILE = "@file"
#: Texts that mean "no label": what NaN becomes when a table goes through text.
MISSING = frozenset({"", "nan", "NaN", "NA", "N/A", "None", "<NA>"})
SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class CellKeys:
    """Where the labels of a cell are: columns of ``obs`` or of the sample sheet.

    Parameters
    ----------
    donor, sample
        Columns; ``"@file"`` takes the file's name.
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


def code_column(values: "pd.Series[Any]", rename: Mapping[str, str] | None = None) -> Labels:
    """Turn a column into codes and text levels, in order of appearance."""
    codes, found = pd.factorize(values, use_na_sentinel=True)
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
    source: CellSource, keys: CellKeys, sheet: pd.DataFrame | None
) -> tuple[dict[str, Labels], pd.Index]:
    """Read the five labels and the covariates of one source, and its barcodes.

    Raises
    ------
    MissingKeyError
        When a column is neither in ``obs`` nor in the sample sheet.
    StudyError
        When a cell lacks donor, sample, tissue or condition.
    """
    wanted = {label: keys.column_of(label) for label in (*SAMPLE_COLUMNS, POPULATION)}
    wanted |= {column: column for column in keys.covariates}
    in_obs = set(source.obs_columns)
    frame = source.read_obs([c for c in dict.fromkeys(wanted.values()) if c and c in in_obs])
    labels: dict[str, Labels] = {}
    for label, column in sorted(wanted.items(), key=lambda pair: pair[0] != "sample"):
        if column is None:
            labels[label] = constant(source.n_cells, ONE_LEVEL)
        elif column in in_obs:
            labels[label] = code_column(frame[column], keys.rename.get(column))
        elif column == FILE:
            labels[label] = constant(source.n_cells, file_label(source))
        else:
            labels[label] = _from_sheet(source, label, column, labels, sheet)
        if label in SAMPLE_COLUMNS:
            _refuse_missing(source, label, column, labels[label], frame.index)
    return labels, frame.index


def file_label(source: CellSource) -> str:
    """Name a sample after its file: the name without its endings."""
    stem = source.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".h5ad", ".h5", ".loom", ".zarr", ".mtx"):
        stem = stem.removesuffix(ending)
    return stem


def _from_sheet(
    source: CellSource,
    label: str,
    column: str,
    labels: Mapping[str, Labels],
    sheet: pd.DataFrame | None,
) -> Labels:
    if sheet is None or column not in sheet.columns or label in {"sample", POPULATION}:
        known = [*source.obs_columns, *([] if sheet is None else sheet.columns)]
        raise MissingKeyError(
            f"{source.name}: obs has no column '{column}' (argument '{label}_key'). "
            f"{did_you_mean(column, known)}"
        )
    sample = labels["sample"]
    values = sheet[column].reindex(list(sample.levels))
    coded = code_column(values)
    return Labels(np.append(coded.codes, -1)[sample.codes], coded.levels)


def _refuse_missing(
    source: CellSource, label: str, column: str | None, labels: Labels, barcodes: pd.Index
) -> None:
    missing = np.flatnonzero(labels.codes < 0)
    if missing.size:
        raise StudyError(
            f"{source.name}: {missing.size:,} of {source.n_cells:,} cells have no {label} "
            f"(column '{column}'), the first is {barcodes[missing[0]]}. Fill the column, or take "
            "these cells out."
        )


def shared_levels(several: Sequence[Labels]) -> tuple[list[IntArray], list[str]]:
    """Give one number to each level of several sources together, in sorted order."""
    levels = sorted({level for one in several for level in one.levels})
    number = {level: code for code, level in enumerate(levels)}
    recoded: list[IntArray] = []
    for one in several:
        recode = np.array([*(number[level] for level in one.levels), -1], dtype=np.int64)
        recoded.append(recode[one.codes])
    return recoded, levels


def sample_table(labels: Sequence[Mapping[str, Labels]]) -> pd.DataFrame:
    """Tabulate the samples: donor, tissue, condition and covariates of each, and cells.

    Raises
    ------
    StudyError
        When a sample has two donors, two tissues, or two levels of anything else.
    """
    parts = []
    for one in labels:
        columns = {name: label for name, label in one.items() if name != POPULATION}
        codes = pd.DataFrame({name: label.codes for name, label in columns.items()})
        counted = codes.value_counts(sort=False).rename("n_cells").reset_index()
        for name, label in columns.items():
            counted[name] = np.array([*label.levels, ""], dtype=object)[counted[name]]
        parts.append(counted)
    names = [name for name in parts[0].columns if name != "n_cells"]
    table: pd.DataFrame = pd.concat(parts).groupby(names, sort=True)["n_cells"].sum().reset_index()
    for name in names:
        if name != "sample":
            _one_level_per_sample(table, name)
    return table.set_index("sample", drop=False).sort_index()


def _one_level_per_sample(table: pd.DataFrame, name: str) -> None:
    levels = table.groupby("sample")[name].unique()
    several = levels[levels.map(len) > 1]
    if not several.empty:
        found = ", ".join(f"'{level}'" for level in sorted(several.iloc[0]))
        what = f"{len(several)} samples have" if len(several) > 1 else "One sample has"
        raise StudyError(
            f"{what} more than one {name}: '{several.index[0]}' has {found}. A sample is one piece "
            f"of tissue of one donor: name samples so that each has one {name}, for instance by "
            f"joining the {name} to the name."
        )


def refuse_repeated_cells(
    barcodes: Sequence[pd.Index], samples: Sequence[IntArray], names: Sequence[str]
) -> None:
    """Refuse a barcode that occurs twice in one sample, within or between sources.

    Raises
    ------
    StudyError
        Names the barcode and where it is.
    """
    hashed = [
        pd.util.hash_array(b.to_numpy(dtype=object)) ^ pd.util.hash_array(s.astype(np.uint64))
        for b, s in zip(barcodes, samples, strict=True)
    ]
    every = np.concatenate(hashed)
    order = np.argsort(every, kind="stable")
    again = np.flatnonzero(every[order[1:]] == every[order[:-1]])
    if not again.size:
        return
    offsets = np.cumsum([0, *(one.size for one in barcodes)])
    for place in again:
        pair = [_locate(int(order[place + step]), offsets) for step in (0, 1)]
        (one, i), (other, j) = pair
        same = barcodes[one][i] == barcodes[other][j] and samples[one][i] == samples[other][j]
        if same:
            files = names[one] if one == other else f"{names[one]} and {names[other]}"
            raise StudyError(
                f"The barcode '{barcodes[one][i]}' occurs twice in the same sample ({files}; about "
                f"{again.size:,} such barcodes). Each cell must occur once: take the copies out, or "
                "give cells of different samples different sample names."
            )


def _locate(position: int, offsets: Any) -> tuple[int, int]:
    source = int(np.searchsorted(offsets, position, side="right")) - 1
    return source, position - int(offsets[source])
