"""The rows of the tally: samples checked, populations numbered, cells assigned."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import StudyError
from turncoat.study.labels import POPULATION, SAMPLE_COLUMNS, Labels, as_text
from turncoat.tables import IntArray

#: Labels of a row of the tally, in order.
ROW_COLUMNS = (*SAMPLE_COLUMNS, POPULATION)
#: Between sample and population in the name of a row.
SEPARATOR = "|"


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
        # Barcodes hardly repeat: finding those that do, to hash each once, costs more than it saves.
        pd.util.hash_array(b.to_numpy(dtype=object), categorize=False)
        ^ pd.util.hash_array(s.astype(np.uint64))
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


def assign_rows(
    labels: Sequence[dict[str, Labels]],
    samples: pd.DataFrame,
    sample_codes: list[IntArray],
    sample_levels: list[str],
) -> tuple[tuple[IntArray, ...], pd.DataFrame]:
    """Give a row to each pair of sample and population that occurs, and say which each cell is in.

    Raises
    ------
    StudyError
        When no cell has a population, or two rows would have the same name.
    """
    populations, levels = shared_levels([one["population"] for one in labels])
    n_levels = max(1, len(levels))
    pairs = [
        np.where(population < 0, -1, sample * n_levels + population)
        for sample, population in zip(sample_codes, populations, strict=True)
    ]
    present = np.unique(np.concatenate([np.unique(one[one >= 0]) for one in pairs]))
    if not present.size:
        raise StudyError("No cell has a population: check the column given as population.")
    table = samples.loc[[sample_levels[pair // n_levels] for pair in present]].drop(
        columns="n_cells"
    )
    table["population"] = [levels[pair % n_levels] for pair in present]
    table.index = pd.Index(table["sample"] + SEPARATOR + table["population"], name=None)
    if table.index.has_duplicates:
        raise StudyError(
            f"Two rows would be called '{table.index[table.index.duplicated()][0]}': take the "
            f"'{SEPARATOR}' out of the names of samples and populations."
        )
    order = np.argsort(table.index.to_numpy(dtype=str), kind="stable")
    place = np.empty(present.size + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(present.size), -1
    codes = tuple(
        place[np.where(one < 0, present.size, np.searchsorted(present, one))] for one in pairs
    )
    extra = [name for name in table.columns if name not in ROW_COLUMNS]
    return codes, table.iloc[order][[*ROW_COLUMNS, *extra]].apply(_numbers)


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Turn a covariate back into numbers where all its levels are numbers."""
    if column.name in ROW_COLUMNS:
        return column
    numbers = pd.to_numeric(column.replace("", np.nan), errors="coerce")
    return numbers if numbers.notna().sum() == (column != "").sum() > 0 else column


def with_sheet(
    rows: pd.DataFrame, samples: pd.DataFrame, sheet: pd.DataFrame | None
) -> pd.DataFrame:
    """Add the sample sheet's columns to the rows.

    Raises
    ------
    StudyError
        When the sheet lacks a sample.
    """
    if sheet is None:
        return rows
    absent = [name for name in samples.index if name not in sheet.index]
    if absent:
        raise StudyError(
            f"The sample sheet lacks {len(absent)} of {len(samples)} samples of the cells, "
            f"{absent[:3]} among them; it has {[str(name) for name in sheet.index[:3]]}, …. "
            "Add them, or take their cells out."
        )
    extra = [name for name in sheet.columns if name not in rows.columns]
    joined = sheet[extra].reindex(rows["sample"]).set_axis(rows.index)
    for name in joined.columns:
        if joined[name].dtype == object:
            joined[name] = [as_text(value) for value in joined[name]]
    return rows.join(joined)
