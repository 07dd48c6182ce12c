"""A plan whose cells are named while they are read: room for every name, then what occurred."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from turncoat.errors import DroppedDataWarning, StudyError, warn
from turncoat.study.plan import TallyPlan
from turncoat.study.rows import SEPARATOR
from turncoat.tables import BoolArray, IntArray

#: The column of names, in the words of a plan's remarks.
COLUMN = "population"


def room_for_names(plan: TallyPlan, n_names: int) -> TallyPlan:
    """Give a plan whose rows are samples a row for each sample and name.

    Parameters
    ----------
    plan
        One population for all: each row is a sample.
    n_names
        Names that a cell may get; row ``sample * n_names + name`` is theirs.

    Returns
    -------
    TallyPlan
        The same cells, none in a row yet: the arrays ``row_codes`` are there to be filled in.
    """
    rows = pd.DataFrame(index=pd.RangeIndex(len(plan.rows) * n_names).astype(str))
    codes = tuple(np.full(own.size, -1, dtype=np.int64) for own in plan.row_codes)
    return dataclasses.replace(plan, row_table=rows, row_codes=codes)


def named_plan(
    plan: TallyPlan, codes: Sequence[IntArray], names: Sequence[str]
) -> tuple[TallyPlan, IntArray]:
    """Give the plan of cells that were named, as if their names had been known before.

    Parameters
    ----------
    plan
        One population for all: each row is a sample.
    codes
        Per source: ``sample * len(names) + name`` of each cell, -1 for a cell without a name.
    names
        The names.

    Returns
    -------
    TallyPlan, IntArray
        The plan, and which ``sample * len(names) + name`` each of its rows is.

    Raises
    ------
    StudyError
        When no cell has a name.
    """
    n_codes = len(plan.rows) * len(names)
    present = np.flatnonzero(sum(np.bincount(own[own >= 0], minlength=n_codes) for own in codes))
    if not present.size:
        raise StudyError("No cell has a population: check the cells and what names them.")
    rows = plan.rows.iloc[present // len(names)].copy()
    rows[COLUMN] = [names[code] for code in (present % len(names)).tolist()]
    rows.index = pd.Index(rows["sample"] + SEPARATOR + rows[COLUMN], name=None)
    order = np.argsort(rows.index.to_numpy(dtype=str), kind="stable")
    place = np.full(n_codes + 1, -1, dtype=np.int64)
    place[present[order]] = np.arange(present.size)
    row_codes = tuple(place[own] for own in codes)
    # A cell of no sample was left out before, and is in the account already.
    counts = [
        int(((own < 0) & (sample >= 0)).sum())
        for own, sample in zip(codes, plan.row_codes, strict=True)
    ]
    left = [
        {"what": "cells", "n": n, "reason": f"{source.name}: left unassigned"}
        for source, n in zip(plan.sources, counts, strict=True)
        if n
    ]
    dropped = pd.concat([plan.dropped, TallyPlan.schema.build(left)], ignore_index=True)
    if left:
        said = "; ".join(f"{one['n']:,} cells: {one['reason']}" for one in left)
        warn(f"Left out: {said}.", DroppedDataWarning)
    n_cells = int(sum((own >= 0).sum() for own in codes))
    named = dataclasses.replace(
        plan,
        row_table=rows.iloc[order],
        row_codes=row_codes,
        meta={**plan.meta, "n_cells": n_cells},
        left_out=dropped,
    )
    return named, present[order]


def leave_out(plan: TallyPlan, marked: Sequence[BoolArray], reason: str) -> TallyPlan:
    """Leave cells out of a plan, and the rows that nobody is in any more.

    Parameters
    ----------
    plan
        What was to be counted.
    marked
        Per source: the cells to leave out, shape ``(n_cells,)``.
    reason
        Why, for the plan's account.

    Raises
    ------
    StudyError
        When no cell is left.
    """
    codes = [np.where(out, -1, own) for out, own in zip(marked, plan.row_codes, strict=True)]
    sizes = sum(np.bincount(own[own >= 0], minlength=len(plan.rows)) for own in codes)
    kept = np.flatnonzero(sizes)
    if not kept.size:
        raise StudyError(f"No cell is left: all were left out ({reason}).")
    place = np.full(len(plan.rows) + 1, -1, dtype=np.int64)
    place[kept] = np.arange(kept.size)
    left = [
        {"what": "cells", "n": int((out & (own >= 0)).sum()), "reason": f"{source.name}: {reason}"}
        for source, out, own in zip(plan.sources, marked, plan.row_codes, strict=True)
        if (out & (own >= 0)).any()
    ]
    return dataclasses.replace(
        plan,
        row_table=plan.rows.iloc[kept],
        row_codes=tuple(place[own] for own in codes),
        meta={**plan.meta, "n_cells": int(sum((own >= 0).sum() for own in codes))},
        left_out=pd.concat([plan.dropped, TallyPlan.schema.build(left)], ignore_index=True),
    )
