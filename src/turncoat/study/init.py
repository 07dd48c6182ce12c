"""A first ``study.toml``: commented, with the best guesses from the cells."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from turncoat.errors import TurncoatError
from turncoat.study.counts import check_counts
from turncoat.study.guess import Guess, make_guess, small_columns
from turncoat.study.labels import as_text
from turncoat.study.sources import CellSource, open_sources

TEMPLATE = """\
# A turncoat study. Look over every line: the guesses are from names alone.
# Check it with: turncoat check study.toml; run it with: turncoat run study.toml

[study]
name = {name}
# species = "human"          # found out from the gene names when left out
kind = "unsorted"            # or "sorted", "subsampled": then abundance is not tested
# output = "turncoat-run"    # folder of the findings, beside this file

{cells}

# [samples]
# sheet = "samples.csv"      # one line a sample: sample, donor, age, stage, …

{contrasts}

# [[cohorts]]
# name = "gse1992"           # bundled, or: file = "cohort.toml"

# [simulation]
# context = "thacker"

[statistics]
fdr = 0.05                   # false-discovery rate that every verdict must pass

# [allegiance]
# test = "permutation"       # or "moderated", for few donors: learns spreads, assumes more

# [crosstalk]
# senders = "switched"       # or "all", or names: ["Treg", "NK"]
# receivers = "all"          # or names
# contrasts = ["…"]          # names of contrasts to ask; all when left out
# pairs = "pairs.csv"        # own pairs: ligand,receptor (subunits joined by _)
# min_cells = 5              # cells a population needs in a sample
# min_donors = 3             # donors of one arm in which an edge must be present
# min_detection = 0.05       # share of cells in which the weakest subunit is seen
# ambient = 0.05             # share of ambient RNA assumed at most
# permutations = 1999        # arrangements of donors drawn where they are too many; 0 for none
# fdr = 0.05                 # that of [statistics] when left out

[run]
seed = 0
"""


def init_study(paths: "str | Path | Sequence[str | Path]", *, name: str = "") -> str:
    """Write a commented ``study.toml`` with the best guesses from the files.

    Parameters
    ----------
    paths
        File or files of cells.
    name
        Name of the study; from the first file unless given.

    Returns
    -------
    str
        The text of a study file, to be looked over by its owner.

    Raises
    ------
    MissingFileError
        When a file is not there.
    FileFormatError
        When a file is damaged or not what it seems.

    Examples
    --------
    >>> print(init_study("cells.h5ad"))  # doctest: +SKIP
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    sources = open_sources(listed)
    frame = small_columns(sources)
    guess = make_guess(frame, n_sources=len(sources))
    title = name or Path(str(listed[0])).name.split(".")[0]
    return TEMPLATE.format(
        name=json.dumps(title, ensure_ascii=False),
        cells="\n".join(_cells_lines(listed, sources, guess, frame)),
        contrasts="\n".join(_contrast_lines(guess)),
    )


def _cells_lines(
    listed: Sequence["str | Path"],
    sources: Sequence[CellSource],
    guess: Guess,
    frame: pd.DataFrame,
) -> list[str]:
    files = ", ".join(json.dumps(str(path), ensure_ascii=False) for path in listed)
    lines = ["[cells]", f"files = [{files}]"]
    roles = ("donor", "sample", "tissue", "condition", "population")
    lines += [_role_line(role, guess.columns[role], frame) for role in roles]
    if guess.columns["donor"] == guess.columns["sample"]:
        lines += [
            "# CAUTION: no column names the donors, so each sample is taken as a donor of its own.",
            "# If a patient gave several samples, this would count them as several patients: name",
            "# the patients in a sample sheet and set donor to its column.",
        ]
    columns = ", ".join(sources[0].obs_columns) or "none (add a table of labels: labels = …)"
    return [*lines, *_layer_lines(sources[0]), f"# columns of the cells: {columns}"]


def _role_line(role: str, column: str | None, frame: pd.DataFrame) -> str:
    if column is None:
        return f'# {role} = "…"{" " * 8}# no column looks like it'
    said = f"{role} = {json.dumps(column, ensure_ascii=False)}"
    if column not in frame.columns:
        return f"{said:<30} # please check"
    levels = sorted({as_text(v) for v in frame[column]} - {""})
    shown = ", ".join(levels[:6]) + (", …" if len(levels) > 6 else "")
    return f"{said:<30} # {len(levels)} level{'s' * (len(levels) != 1)}: {shown}"


def _layer_lines(source: CellSource) -> list[str]:
    """Name the layer with raw counts when the main matrix does not hold them."""
    try:
        check_counts(source)
    except TurncoatError as error:
        for layer, other in source.alternatives().items():
            try:
                check_counts(other)
            except TurncoatError:
                continue
            return [f"layer = {json.dumps(layer)}".ljust(30) + " # X does not hold raw counts"]
        return [f"# layer = …  # {error}"]
    return []


def _contrast_lines(guess: Guess) -> list[str]:
    if not guess.contrasts:
        return [
            "# [[contrasts]]               # nothing looks like a case and its reference",
            '# variable = "tissue"         # or "condition", or a column of the sample sheet',
            '# case = "tumour"',
            '# reference = "normal"',
            '# block = "donor"             # compare within donors that have both',
        ]
    lines: list[str] = []
    for variable, case, reference, n_pairs in guess.contrasts:
        lines += [
            "[[contrasts]]",
            f'variable = "{variable}"',
            f"case = {json.dumps(case, ensure_ascii=False)}",
            f"reference = {json.dumps(reference, ensure_ascii=False)}",
        ]
        if n_pairs:
            lines.append(f'block = "donor"              # {n_pairs} donors have both')
        lines.append("")
    return lines[:-1]
