"""Which columns of the cells name donors, tissues or populations, from what they look like."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from turncoat.study.labels import FILE, code_column
from turncoat.study.sources import CellSource

#: Names of columns by role, the surest first.
NAMES = {
    "donor": (
        r"^donors?(_?id)?$",
        r"^(patient|subject|individual|participant)s?(_?(id|name|no|number))?$",
        r"donor|patient|subject|individual|participant",
        r"^case(_?id)?$|^mouse(_?id)?$|^animal",
    ),
    "sample": (
        r"^samples?(_?(id|name))?$",
        r"^orig\.ident$|^library(_?id)?$|^specimen(_?id)?$|^biosample",
        r"sample(?!.*(type|origin|group|status))|specimen|library(?!.*(size|prep))|gsm",
    ),
    "tissue": (
        r"^tissues?(_?(type|origin|site))?$",
        r"^sample_?(origin|site|type)$|^organ$|^(body_?)?site$|^origin$|^location$",
        r"tissue|organ(?!ism)|origin|anatom",
    ),
    "condition": (
        r"^conditions?$",
        r"^(disease|status|group|treatment|diagnosis|arm|genotype|response)(_?(state|status|group))?$",
        r"condition|disease|treat|diagnos|subtype|response|timepoint",
    ),
    "population": (
        r"^cell_?types?$|^population$|^cell_?type_?major$",
        r"cell_?type(?!.*(minor|sub|fine|state))|^annotations?$|^cell_?labels?$",
        r"annotation|cell_?type|cell_?state|lineage|^majority_voting$|cluster|leiden|louvain",
    ),
}
MAX_LEVELS = {"tissue": 30, "condition": 30, "population": 150}
CASE = re.compile(
    r"tumou?r|cancer|carcinoma|malign|metast|disease|case|treated|"
    r"non.?respon|post|progress|stim|knock|^ko$",
    re.IGNORECASE,
)
REFERENCE = re.compile(
    r"normal|healthy|control|ctrl|adjacent|benign|untreated|vehicle|naive|baseline|"
    r"^pre|^wt$|wild|(?<!non.)(?<!non)respon",
    re.IGNORECASE,
)
#: Case-sensitive codes such as tLung, nLung, mLN: a letter for the state, then the organ.
CODED = re.compile(r"^([tnm])([A-Z].*)$")
MAX_CONTRASTS = 4


@dataclass(frozen=True, slots=True)
class Guess:
    """Which columns play which role, and what could be asked."""

    columns: dict[str, str | None]
    contrasts: tuple[tuple[str, str, str, int], ...]


def small_columns(sources: Sequence[CellSource]) -> pd.DataFrame:
    """Read the columns that all sources share and that could be labels, as texts."""
    shared = [c for c in sources[0].obs_columns if all(c in s.obs_columns for s in sources)]
    parts: list[pd.DataFrame] = []
    for source in sources:
        frame = source.read_obs(shared)
        keep = {c: _texts(frame[c]) for c in shared if _may_label(frame[c])}
        parts.append(pd.DataFrame(keep, index=frame.index))
    kept = [c for c in parts[0].columns if all(c in part.columns for part in parts)]
    return pd.concat([part[kept] for part in parts], ignore_index=True)


def _texts(values: "pd.Series[str]") -> list[str]:
    labels = code_column(values)
    return list(np.array([*labels.levels, ""], dtype=object)[labels.codes])


def _may_label(values: "pd.Series[str]") -> bool:
    """Tell labels from measurements: no fractions, and fewer levels than cells."""
    levels = pd.unique(values.dropna())
    if len(levels) > max(50, len(values) // 3):
        return False
    return not any(isinstance(v, float | np.floating) and not float(v).is_integer() for v in levels)


def make_guess(frame: pd.DataFrame, *, n_sources: int = 1) -> Guess:
    """Guess the role of columns from their names and how their levels nest."""
    columns: dict[str, str | None] = dict.fromkeys(NAMES)
    for role in ("population", "donor", "sample", "tissue", "condition"):
        taken = {column for column in columns.values() if column}
        columns[role] = _best(role, [c for c in frame.columns if c not in taken], frame)
    _complete(columns, frame, n_sources)
    return Guess(columns, tuple(_guess_contrasts(columns, frame)))


def _best(role: str, candidates: Iterable[str], frame: pd.DataFrame) -> str | None:
    for pattern in NAMES[role]:
        for column in candidates:
            n_levels = frame[column].nunique()
            many = n_levels > MAX_LEVELS.get(role, n_levels)
            alone = role in {"tissue", "condition"} and n_levels < 2
            if re.search(pattern, column, re.IGNORECASE) and not many and not alone:
                return column
    return None


def _complete(columns: dict[str, str | None], frame: pd.DataFrame, n_sources: int) -> None:
    """Let sample and donor stand in for each other where only one of them is there."""
    donor, sample, tissue = columns["donor"], columns["sample"], columns["tissue"]
    if sample is None and donor is not None:
        columns["sample"] = f"{donor}+{tissue}" if tissue else donor
    elif sample is None:
        columns["sample"] = FILE
    if donor is None:
        columns["donor"] = columns["sample"]
    elif sample is not None and n_sources == 1 and _nests(frame, donor, sample) is False:
        # A "sample" that has several donors is no sample here: join it with the donor.
        columns["sample"] = f"{donor}+{sample}"


def _nests(frame: pd.DataFrame, donor: str, sample: str) -> bool:
    return bool(frame.groupby(sample)[donor].nunique().max() <= 1)


def _guess_contrasts(
    columns: dict[str, str | None], frame: pd.DataFrame
) -> list[tuple[str, str, str, int]]:
    donor = columns["donor"]
    found: list[tuple[str, str, str, int]] = []
    for role in ("tissue", "condition"):
        column = columns[role]
        if column is None:
            continue
        for case, reference in plausible_pairs(sorted(set(frame[column]) - {""})):
            found.append((role, case, reference, _pairs(frame, column, case, reference, donor)))
    return found[:MAX_CONTRASTS]


def _pairs(frame: pd.DataFrame, column: str, case: str, reference: str, donor: str | None) -> int:
    if donor is None or donor not in frame.columns:
        return 0
    both = set(frame.loc[frame[column] == case, donor])
    return len(both & set(frame.loc[frame[column] == reference, donor]))


def plausible_pairs(levels: Sequence[str]) -> list[tuple[str, str]]:
    """Pair levels that look like a case with levels that look like its reference."""
    coded = {level: match for level in levels if (match := CODED.match(level))}
    pairs = [
        (case, reference)
        for case, c in coded.items()
        for reference, r in coded.items()
        if c[1] in "tm" and r[1] == "n" and c[2] == r[2]
    ]
    if pairs:
        return pairs
    references = [level for level in levels if REFERENCE.search(level)]
    cases = [x for x in levels if CASE.search(x) and x not in references]
    if len(levels) == 2 and len(references) == 1:
        cases = [x for x in levels if x not in references]
    return [(case, reference) for case in cases for reference in references]
