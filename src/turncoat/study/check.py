"""What a study holds and what it cannot show, told before any work."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from turncoat.errors import OutputError
from turncoat.stats.contrast import Contrast
from turncoat.study.checked import StudyCheck
from turncoat.study.design import ContrastCount, count_contrast
from turncoat.study.model import Study, load_study
from turncoat.study.plan import TallyPlan

#: Fewer cells than this in a row and its sums are mostly noise (a programme gene of a typical
#: immune cell is seen in every tenth to hundredth cell).
FEW_CELLS = 10
ALPHA = 0.05


def check_study(path: str | Path) -> StudyCheck:
    """Check a study file, its cells and its design without tallying anything.

    Parameters
    ----------
    path
        The file, ``study.toml``.

    Returns
    -------
    StudyCheck
        Tables of the design and what cannot be concluded from it.

    Raises
    ------
    TurncoatError
        When something is wrong that a run would stop at.

    Examples
    --------
    >>> check_study("study.toml").design  # doctest: +SKIP
    """
    study = load_study(path)
    check_output(study.output)
    plan = study.plan()
    rows = plan.rows.assign(n_cells=count_cells(plan))
    return StudyCheck(
        title=study.title,
        species=str(plan.meta["species"]),
        n_cells=int(rows["n_cells"].sum()),
        n_genes=len(plan.genes),
        n_donors=int(rows["donor"].nunique()),
        n_samples=int(rows["sample"].nunique()),
        design=tabulate_design(rows),
        populations=tabulate_populations(rows),
        contrasts=tabulate_contrasts(study.contrasts, rows),
        dropped=plan.dropped,
        problems=find_problems(study, rows, study.pairs_off_panel(plan)),
        limits=find_limits(study, rows),
    )


def check_output(folder: Path) -> None:
    """Refuse an output folder that cannot be made or written, without making it.

    Raises
    ------
    OutputError
        When it or the folder it would be in is not writable.
    """
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"Results cannot go to {folder}: {place} is a file, not a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(
            f"Results cannot go to {folder}: {place} is not writable. Choose another 'output'."
        )


def count_cells(plan: TallyPlan) -> "np.typing.NDArray[np.int64]":
    """Count the cells of each row of the plan."""
    counts = np.zeros(len(plan.rows), dtype=np.int64)
    for codes in plan.row_codes:
        counts += np.bincount(codes[codes >= 0], minlength=counts.size)
    return counts


def tabulate_design(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate donors × tissue × condition."""
    grouped = rows.groupby(["donor", "tissue", "condition"], sort=True, as_index=False)
    table = grouped.agg(n_samples=("sample", "nunique"), n_cells=("n_cells", "sum"))
    return StudyCheck.design_schema.build({str(name): table[name] for name in table})


def tabulate_populations(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the cells of each population by tissue and condition."""
    grouped = rows.groupby(["population", "tissue", "condition"], sort=True, as_index=False)
    table = grouped.agg(
        n_donors=("donor", "nunique"),
        n_samples=("sample", "nunique"),
        n_cells=("n_cells", "sum"),
        median_cells=("n_cells", "median"),
    )
    return StudyCheck.populations_schema.build({str(name): table[name] for name in table})


def tabulate_contrasts(contrasts: dict[str, Contrast], rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the donors behind each contrast, in all and for each population."""
    found = []
    for name, contrast in contrasts.items():
        for population in ("", *sorted(rows["population"].unique())):
            part = rows[rows["population"] == population] if population else rows
            found.append(_contrast_row(name, population, count_contrast(contrast, part)))
    return StudyCheck.contrasts_schema.build(found)


def _contrast_row(name: str, population: str, counted: ContrastCount) -> dict[str, object]:
    return {
        "contrast": name,
        "population": population,
        "n_case": counted.n_case,
        "n_reference": counted.n_reference,
        "n_pairs": counted.n_pairs,
        "smallest_pvalue": counted.smallest_pvalue,
        "status": "tested" if counted.testable else "not_testable",
        "reason": counted.reason,
    }


def find_problems(
    study: Study, rows: pd.DataFrame, off_panel: list[tuple[str, str]]
) -> pd.DataFrame:
    """List what is unusual but can be worked with."""
    found = [*_unnamed_donors(study), *_sparse_populations(rows), *_unused_samples(study, rows)]
    advice = "the pair is left out and listed; correct the symbols if they are misspelt"
    found += [(f"own pair {pair}", f"the cells lack {genes}", advice) for pair, genes in off_panel]
    for name, contrast in study.contrasts.items():
        found += _contrast_problems(name, contrast, rows)
    return StudyCheck.problems_schema.build(
        [{"where": w, "problem": p, "advice": a} for w, p, a in found]
    )


def _unnamed_donors(study: Study) -> list[tuple[str, str, str]]:
    if study.cells.donor != study.cells.sample:
        return []
    problem = "donor and sample are the same column: each sample counts as a donor of its own"
    advice = "where a patient gave several samples, name the patients in a sample sheet"
    return [("donors", problem, advice)]


def _sparse_populations(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    sparse = rows.groupby("population")["n_cells"].median()
    return [
        (
            f"population {name}",
            f"half its samples have {cells:.0f} cells or fewer",
            "expect wide intervals; join it with a related population if that is sound",
        )
        for name, cells in sparse[sparse < FEW_CELLS].items()
    ]


def _unused_samples(study: Study, rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    sheet = study.sheet()
    if sheet is None:
        return []
    present = set(rows["sample"])
    unused = [str(name) for name in sheet.index if name not in present]
    problem = f"{len(unused)} samples have no cells ({', '.join(unused[:3])})"
    advice = "check that the sheet and the cells name samples in the same way"
    return [("sample sheet", problem, advice)] if unused else []


def _contrast_problems(
    name: str, contrast: Contrast, rows: pd.DataFrame
) -> list[tuple[str, str, str]]:
    counted = count_contrast(contrast, rows)
    found = []
    if contrast.block is None and _donors_in_both(contrast, rows):
        problem = "some donors have both levels, yet no block is named"
        advice = 'set block = "donor" to compare them within themselves'
        found.append((f"contrast {name}", problem, advice))
    if counted.testable and counted.smallest_pvalue > ALPHA:
        problem = f"no exact p-value below {counted.smallest_pvalue:.2g} is possible"
        advice = "read effects and intervals; more donors are needed for a test at 0.05"
        found.append((f"contrast {name}", problem, advice))
    return found


def _donors_in_both(contrast: Contrast, rows: pd.DataFrame) -> bool:
    levels = rows[contrast.variable].astype(str)
    both = set(rows.loc[levels == contrast.case, "donor"])
    return bool(both & set(rows.loc[levels == contrast.reference, "donor"]))


def find_limits(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Say what this design cannot show, a sentence each."""
    limits = []
    n_donors = rows["donor"].nunique()
    if n_donors < 2:
        limits.append(
            "There is one donor: everything is described and nothing tested, for nothing can be "
            "said about other patients."
        )
    if not study.contrasts:
        limits.append("No contrast is asked for: nothing is compared, so no side can be switched.")
    if study.about.kind != "unsorted":
        limits.append(
            f"The cells were {study.about.kind}: how many there are of a population says nothing "
            "about the tissue, so no statement on abundance is made."
        )
    if study.about.synthetic:
        limits.append(f"The data are synthetic ({study.about.synthetic}): they show no biology.")
    if study.cells.population is not None and rows["population"].nunique() < 2:
        limits.append("There is one population: no signal between populations can be looked for.")
    return (*limits, *_contrast_limits(study.contrasts, rows))


def _contrast_limits(contrasts: dict[str, Contrast], rows: pd.DataFrame) -> list[str]:
    limits = []
    for name, contrast in contrasts.items():
        counted = count_contrast(contrast, rows)
        if counted.reason:
            limits.append(f"'{name}' is described, not tested: {counted.reason}")
        elif contrast.block is None and not _donors_in_both(contrast, rows):
            limits.append(
                f"'{name}' compares different donors: what else differs between the groups (age, "
                "stage, centre) is not separated from it unless named as a covariate."
            )
    return limits
