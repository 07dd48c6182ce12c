"""What a design can show, before anything is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.allegiance.allegiance import BAND
from turncoat.allegiance.gather import Knowledge, Limits, gather
from turncoat.allegiance.lines import Line
from turncoat.allegiance.science import AxesPlan
from turncoat.allegiance.verdict import LEVEL
from turncoat.stats.compare import compare
from turncoat.stats.contrast import Contrast
from turncoat.stats.laws import student_quantile
from turncoat.stats.multiplicity import reachable_q, reachable_q_together
from turncoat.stats.permutation import N_PERMUTATIONS
from turncoat.stats.power import POWER, detectable_effect
from turncoat.tables import Column, FloatArray, TableSchema, store

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Reach:
    """What :func:`turncoat.tl.reach` found.

    Parameters
    ----------
    table
        One row per population and tissue.
    params
        The contrast and every argument.
    """

    table: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Cell population, as the study calls it."),
            Column("tissue", "text", "", "Tissue compared within; empty where tissues are."),
            Column("status", "text", "", "tested, not_testable or abstained."),
            Column("n_donors", "whole", "donors", "Donors that enter the test."),
            Column("n_pairs", "whole", "donors", "Donors with both arms."),
            Column("n_case", "whole", "donors", "Donors in the case arm."),
            Column("n_reference", "whole", "donors", "Donors in the reference arm."),
            Column("median_cells", "real", "cells", "Median cells per donor and arm."),
            Column("p_floor", "real", "", "Smallest joint p-value that can be reached."),
            Column("q_floor", "real", "", "Smallest q-value of a lone finding."),
            Column("q_together", "real", "", "Smallest q-value if all reached their floor."),
            Column("anti_detectable", "real", "log2", "Duty: shift found with 80 % power."),
            Column("pro_detectable", "real", "log2", "Harm: shift found with 80 % power."),
            Column("anti_lone", "real", "log2", "The same for a lone finding among all rows."),
            Column("pro_lone", "real", "log2", "The same for a lone finding among all rows."),
            Column("can_be_loyal", "flag", "", "Whether a shift of 0 could be shown loyal."),
            Column("words", "text", "", "What this design cannot conclude."),
        ),
        key=("population", "tissue"),
    )

    def __post_init__(self) -> None:
        self.schema.check(self.table)


def reach(
    tally: ad.AnnData,
    contrast: Contrast,
    *,
    programmes: pd.DataFrame | None = None,
    matches: Mapping[str, str] | None = None,
    contaminants: Sequence[str] | None = None,
    min_cells: int = 1,
    min_donors: int = 3,
    fdr: float = 0.05,
    band: float = BAND,
    n_permutations: int = N_PERMUTATIONS,
    key_added: str | None = "reach",
) -> Reach:
    """Tell per population what these donors could show at all.

    The spread between donors is taken from the scores with the arms' means removed, so that
    the answer knows nothing of the effect.

    Parameters
    ----------
    tally
        A tally.
    contrast
        What will be compared.
    programmes, matches, contaminants, min_cells, min_donors, fdr, band, n_permutations
        As in :func:`turncoat.tl.allegiance`.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Reach
        Donors, floors, detectable shifts, and in words what cannot be concluded.

    Raises
    ------
    MissingKeyError, StudyError, DesignError
        When the contrast does not fit the tally.
    KnowledgeError
        When the programmes are unusable, or share no gene with the tally.

    Examples
    --------
    >>> import turncoat as tc
    >>> tc.tl.reach(tally, tc.Contrast("tissue", "tLung", "nLung"))  # doctest: +SKIP
    """
    plan = AxesPlan(band, 0, n_permutations)
    limits = Limits(min_cells, min_donors, fdr)
    knowledge = Knowledge(programmes, matches, contaminants)
    lines = gather(tally, contrast, knowledge, plan, limits).lines
    floors = np.array(
        [line.units.floor(n_permutations, sides=1) if line.evidence else NAN for line in lines]
    )
    n_tests = max(int(np.isfinite(floors).sum()), 1)
    alone, together = reachable_q(floors), reachable_q_together(floors)
    rows = [
        _row(line, plan, fdr, n_tests)
        | {"p_floor": floors[i], "q_floor": alone[i], "q_together": together[i]}
        for i, line in enumerate(lines)
    ]
    for row in rows:
        row["words"] = row["words"] or _words(row, fdr, n_tests)
    params = {"contrast": contrast.label, **asdict(plan), **asdict(limits), "power": POWER}
    result = Reach(Reach.schema.build(rows), params)
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _row(line: Line, plan: AxesPlan, fdr: float, n_tests: int) -> dict[str, Any]:
    n_cells = line.arms.table["n_cells"]
    row: dict[str, Any] = {
        "population": line.arms.population,
        "tissue": line.arms.tissue,
        "status": line.status,
        **line.counted,
        "median_cells": float(n_cells.median()) if len(n_cells) else NAN,
        "can_be_loyal": False,
        "words": f"Not testable: {line.reason.rstrip('.')}." if line.reason else "",
    }
    # Two axes are looked at, each in one direction: the level of each is that of a two-sided test.
    errors = _errors(line)
    for prefix, (error, freedom) in zip(("anti", "pro"), errors, strict=True):
        row[f"{prefix}_detectable"] = detectable_effect(error, freedom, level=fdr)
        row[f"{prefix}_lone"] = detectable_effect(error, freedom, level=fdr / n_tests)
    if line.evidence and np.isfinite(errors).all():
        widths = [student_quantile(1 - LEVEL, freedom) * error for error, freedom in errors]
        row["can_be_loyal"] = bool(max(widths) < plan.band)
    return row


def _errors(line: Line) -> FloatArray:
    found = np.full((2, 2), NAN)
    if line.evidence is None:
        return found
    scored = np.isfinite(line.scores).all(axis=0)
    estimate = compare(line.scores[:, scored], line.donors, n_permutations=1)[1]
    found[scored] = np.column_stack([estimate.error, estimate.freedom])
    return found


def _words(row: Mapping[str, Any], fdr: float, n_tests: int) -> str:
    parts = []
    if row["q_together"] > fdr:
        parts.append(f"No switch can be called: no q-value can fall below {row['q_together']:.2g}.")
    elif row["q_floor"] > fdr:
        parts.append(
            f"A switch can be called only if other populations switch too: alone, among {n_tests}, "
            f"no q-value falls below {row['q_floor']:.2g}."
        )
    smallest = [
        f"{row[f'{prefix}_detectable']:.2g} ({name})"
        for prefix, name in (("anti", "duty"), ("pro", "harm"))
        if np.isfinite(row[f"{prefix}_detectable"])
    ]
    if smallest:
        parts.append(
            f"Shifts below {' and '.join(smallest)} log2 would be missed more often than one time "
            "in five."
        )
    if not row["can_be_loyal"]:
        parts.append("Loyalty cannot be shown: the interval is wider than the band.")
    return " ".join(parts)
