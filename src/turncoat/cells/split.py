"""Splitting called epithelial cells into malignant and normal ones, in a study of any size."""

import dataclasses
import re
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.accounts import summarise_samples, tabulate_disagreement
from turncoat.cells.malignancy import Malignancy
from turncoat.cells.malignant import CANDIDATES, log_normalise, refuse_few, search_cells
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.cells.search import MAX_REFERENCE
from turncoat.cells.stream import ROWS_PER_BLOCK, to_plan_genes
from turncoat.errors import CountsError, DesignError, DesignWarning, warn
from turncoat.study import TallyPlan
from turncoat.tables import FloatArray, IntArray

#: Names of tissues and conditions that are taken to be free of tumour ("nLung", "normal", …).
TUMOUR_FREE: Final = re.compile(r"^n(?=[A-Z])|normal|healthy|benign|^control", re.ASCII)
CANDIDATE, MALIGNANT = "Epithelial", "Malignant"


def split_malignant(
    plan: TallyPlan,
    found: Annotation,
    *,
    seed: int = 0,
    gather: Callable[[IntArray], sp.csr_matrix] | None = None,
    threads: int = 1,
) -> tuple[Annotation, Malignancy | None]:
    """Call malignant cells among the epithelial ones of an annotation.

    Parameters
    ----------
    plan
        The cells.
    found
        Their annotation.
    seed
        For drawing reference cells.
    gather
        Gives some cells log-normalised, numbered over all sources, where a pass over the files has
        kept them: some thousand at a time are asked for. By default the files are read again, and
        all that is needed is in memory together.
    threads
        How many work; they change nothing in what is found.

    Returns
    -------
    Annotation, Malignancy or None
        The annotation with the population ``Malignant``, uncertain ones unassigned; None where
        malignant cells are not told apart: ``params["malignant"]`` then says why in words, and a
        warning where there are epithelial cells. The calls are then as they were.
    """
    cells = found.cells
    candidates = np.flatnonzero(cells["population"] == CANDIDATE)
    others = np.flatnonzero(~cells["population"].isin([CANDIDATE, UNASSIGNED]))
    if candidates.size == 0:
        return _untold(found, "No cell is called Epithelial, so none was searched."), None
    drawn = draw_reference(others, reference_order(len(cells), seed))
    rows = np.sort(np.concatenate([candidates, drawn]))
    donor_of = dict(zip(plan.rows["sample"], plan.rows["donor"], strict=True))
    free = tumour_free_samples(plan.rows)
    searched = pd.DataFrame(
        {
            "barcode": rows.astype(str).astype(object),
            "donor": cells["sample"].iloc[rows].map(donor_of).to_numpy(),
            "kind": cells["lineage"].iloc[rows].to_numpy(),
        }
    )
    candidate = searched["kind"].isin(CANDIDATES).to_numpy()
    healthy = cells["sample"].iloc[rows].isin(free).to_numpy()
    if not (candidate & ~healthy).any():
        return _untold(found, _all_free(candidates.size, sorted(free)), say=True), None
    logged = _reader(plan, rows) if gather is None else gather
    try:
        refuse_few(candidate, healthy)
        called = search_cells(
            searched,
            candidate,
            healthy,
            lambda some: logged(rows[some]),
            genes=plan.genes.index,
            species=str(plan.meta["species"]),
            seed=0,
            threads=threads,
        )
    except (CountsError, DesignError) as error:
        return _untold(found, str(error), say=True), None
    return _merge(found, called, rows), called


def _untold(found: Annotation, reason: str, *, say: bool = False) -> Annotation:
    """Say, in the annotation and aloud, why no cell was called malignant."""
    if say:
        warn(f"Malignant and normal cells are not told apart: {reason}", DesignWarning)
    return dataclasses.replace(found, params=found.params | {"malignant": reason})


def _all_free(n_cells: int, free: list[str]) -> str:
    some = ", ".join(free[:5]) + (f" and {len(free) - 5} more" if len(free) > 5 else "")
    return (
        f"All {n_cells:,} epithelial cells are from samples whose tissue or condition is named free "
        f"of tumour ({some}), and cells of those are never called malignant. If one of them holds "
        "tumour, name its tissue otherwise."
    )


def reference_order(n_cells: int, seed: int) -> FloatArray:
    """Give every cell its place in the queue of reference cells, the same however it is read."""
    return np.random.default_rng(seed).random(n_cells)


def draw_reference(others: IntArray, order: FloatArray) -> IntArray:
    """Draw the reference: the first of the queue, :data:`MAX_REFERENCE` at most."""
    drawn: IntArray = others[np.argsort(order[others], kind="stable")[:MAX_REFERENCE]]
    return drawn


def tumour_free_samples(rows: pd.DataFrame) -> set[str]:
    """Find the samples whose tissue or condition is named normal.

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {"sample": ["a", "b", "c"], "tissue": ["nLung", "node", "tLung"], "condition": "all"}
    ... )
    >>> sorted(tumour_free_samples(rows))
    ['a']
    """
    named = rows["tissue"].astype(str) + "\n" + rows["condition"].astype(str)
    free = [any(TUMOUR_FREE.search(part) for part in text.split("\n")) for text in named]
    return set(rows.loc[free, "sample"].astype(str))


def _merge(found: Annotation, called: Malignancy, rows: IntArray) -> Annotation:
    # One column is new; the others are not copied.
    cells = found.cells.copy(deep=False)
    population = cells["population"].to_numpy(dtype=object, copy=True)
    call = called.cells["call"].to_numpy(dtype=object)
    epithelial = population[rows] == CANDIDATE
    population[rows[epithelial & (call == "malignant")]] = MALIGNANT
    population[rows[epithelial & (call == "uncertain")]] = UNASSIGNED
    cells["population"] = population
    # The tables beside the cells tell of the calls as they are now.
    return dataclasses.replace(
        found,
        cells=cells,
        samples=summarise_samples(cells),
        disagreement=tabulate_disagreement(cells),
        params=found.params | {"malignant": ""},
    )


def _reader(plan: TallyPlan, rows: IntArray) -> Callable[[IntArray], sp.csr_matrix]:
    """Read some cells, numbered over all sources one after the other; give them log-normalised."""
    parts = []
    before = 0
    for source, codes in zip(plan.sources, plan.gene_codes, strict=True):
        mine = rows[(rows >= before) & (rows < before + source.n_cells)] - before
        before += source.n_cells
        if not mine.size:
            continue
        for block in source.blocks(ROWS_PER_BLOCK):
            here = mine[(mine >= block.start) & (mine < block.start + block.n_cells)] - block.start
            if here.size:
                parts.append(to_plan_genes(block, codes, len(plan.genes))[here])
    read: sp.csr_matrix = sp.vstack(parts, format="csr")
    return lambda some: log_normalise(read[np.searchsorted(rows, some)])
