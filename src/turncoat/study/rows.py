"""The rows of the tally: samples checked, populations numbered, cells assigned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from turncoat.errors import StudyError
from turncoat.plain_table import PlainTable
from turncoat.study.labels import POPULATION, SAMPLE_COLUMNS, Labels, as_text
from turncoat.tables import IntArray, TextArray

if TYPE_CHECKING:
    import pandas as pd

#: Labels of a row of the tally, in order.
ROW_COLUMNS = (*SAMPLE_COLUMNS, POPULATION)
#: Between sample and population in the name of a row.
SEPARATOR = "|"
#: Numbers up to this are told apart by counting them, larger ones by sorting.
COUNTED_UP_TO = 2**22
#: Spreads sample numbers over 64 bits (SplitMix64's step).
SPREAD = np.uint64(0x9E3779B97F4A7C15)

#: Sorted names of the samples, and what each one's donor, tissue, condition and covariates are.
Samples = dict[str, dict[str, str]]


def shared_levels(several: Sequence[Labels]) -> tuple[list[IntArray], list[str]]:
    """Give one number to each level of several sources together, in sorted order."""
    levels = sorted({level for one in several for level in one.levels})
    number = {level: code for code, level in enumerate(levels)}
    recoded: list[IntArray] = []
    for one in several:
        recode = np.array([*(number[level] for level in one.levels), -1], dtype=np.int64)
        recoded.append(recode[one.codes])
    return recoded, levels


def distinct(numbers: IntArray, bound: int) -> IntArray:
    """Numbers that occur, of those from 0 to below ``bound``, sorted; others are passed over."""
    inside = numbers[(numbers >= 0) & (numbers < bound)]
    if bound <= COUNTED_UP_TO:
        return np.flatnonzero(np.bincount(inside, minlength=1))
    return np.unique(inside)


def sample_table(labels: Sequence[Mapping[str, Labels]]) -> Samples:
    """Tell donor, tissue, condition and covariates of each sample.

    Raises
    ------
    StudyError
        When a sample has two donors, two tissues, or two levels of anything else.
    """
    names = [name for name in labels[0] if name != POPULATION]
    found: dict[str, dict[str, set[str]]] = {name: {} for name in names}
    for one in labels:
        samples = one["sample"].levels
        for name in names:
            # A cell without a covariate (-1) has the level "".
            levels = (*one[name].levels, "")
            codes = np.where(one[name].codes < 0, len(levels) - 1, one[name].codes)
            pairs = one["sample"].codes * len(levels) + codes
            for pair in distinct(pairs, len(samples) * len(levels)).tolist():
                sample, level = divmod(pair, len(levels))
                found[name].setdefault(samples[sample], set()).add(levels[level])
    for name in names:
        _one_level_per_sample(found[name], name)
    ordered = sorted(found["sample"])
    return {sample: {name: next(iter(found[name][sample])) for name in names} for sample in ordered}


def _one_level_per_sample(levels: Mapping[str, set[str]], name: str) -> None:
    several = sorted(sample for sample, own in levels.items() if len(own) > 1)
    if several:
        found = ", ".join(f"'{level}'" for level in sorted(levels[several[0]]))
        what = f"{len(several)} samples have" if len(several) > 1 else "One sample has"
        raise StudyError(
            f"{what} more than one {name}: '{several[0]}' has {found}. A sample is one piece "
            f"of tissue of one donor: name samples so that each has one {name}, for instance by "
            f"joining the {name} to the name."
        )


def refuse_repeated_cells(
    barcodes: Sequence[TextArray], samples: Sequence[IntArray], names: Sequence[str]
) -> None:
    """Refuse a barcode that occurs twice in one sample, within or between sources.

    Raises
    ------
    StudyError
        Names the barcode and where it is.
    """
    hashed = [
        np.fromiter(map(hash, b.tolist()), dtype=np.int64, count=b.size).view(np.uint64)
        ^ (s.astype(np.uint64) * SPREAD)
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
    samples: Samples,
    sample_codes: list[IntArray],
    sample_levels: list[str],
) -> tuple[tuple[IntArray, ...], PlainTable]:
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
    bound = len(sample_levels) * n_levels
    # np.unique would load numpy.ma, which takes longer than all this.
    present = np.array(sorted(set(np.concatenate([distinct(p, bound) for p in pairs]).tolist())))
    if not present.size:
        raise StudyError("No cell has a population: check the column given as population.")
    named = [(sample_levels[k // n_levels], levels[k % n_levels]) for k in present.tolist()]
    names = [f"{sample}{SEPARATOR}{population}" for sample, population in named]
    if len(set(names)) < len(names):
        again = next(name for place, name in enumerate(names) if name in names[:place])
        raise StudyError(
            f"Two rows would be called '{again}': take the "
            f"'{SEPARATOR}' out of the names of samples and populations."
        )
    order = np.argsort(np.array(names, dtype=str), kind="stable")
    place = np.empty(present.size + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(present.size), -1
    codes = tuple(
        place[np.where(one < 0, present.size, np.searchsorted(present, one))] for one in pairs
    )
    own = [{**samples[named[k][0]], POPULATION: named[k][1]} for k in order.tolist()]
    extra = [name for name in own[0] if name not in ROW_COLUMNS]
    columns = {n: np.array([row[n] for row in own], dtype=object) for n in (*ROW_COLUMNS, *extra)}
    columns |= {name: _numbers(columns[name]) for name in extra}
    return codes, PlainTable(np.array(names, dtype=object)[order], columns)


def _numbers(column: TextArray) -> Any:
    """Turn a covariate back into numbers where all its levels are numbers."""
    import pandas as pd

    texts = pd.Series(column)
    numbers = pd.to_numeric(texts.replace("", np.nan), errors="coerce")
    filled = numbers.notna().sum() == (texts != "").sum() > 0
    return numbers.to_numpy() if filled else column


def with_sheet(
    rows: PlainTable, samples: Samples, sheet: "pd.DataFrame | None"
) -> "PlainTable | pd.DataFrame":
    """Add the sample sheet's columns to the rows.

    Raises
    ------
    StudyError
        When the sheet lacks a sample.
    """
    if sheet is None:
        return rows
    absent = [name for name in samples if name not in sheet.index]
    if absent:
        raise StudyError(
            f"The sample sheet lacks {len(absent)} of {len(samples)} samples of the cells, "
            f"{absent[:3]} among them; it has {[str(name) for name in sheet.index[:3]]}, …. "
            "Add them, or take their cells out."
        )
    frame = rows.frame()
    extra = [name for name in sheet.columns if name not in frame.columns]
    joined = sheet[extra].reindex(frame["sample"]).set_axis(frame.index)
    for name in joined.columns:
        if joined[name].dtype == object:
            joined[name] = [as_text(value) for value in joined[name]]
    return frame.join(joined)
