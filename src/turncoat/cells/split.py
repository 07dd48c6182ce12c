"""Splitting called epithelial cells into malignant and normal ones, in a study of any size."""

import dataclasses
import re
from collections.abc import Callable
from typing import Final

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.malignancy import Malignancy
from turncoat.cells.malignant import MAX_REFERENCE, malignant
from turncoat.cells.result import UNASSIGNED, Annotation
from turncoat.cells.stream import ROWS_PER_BLOCK, to_plan_genes
from turncoat.errors import CountsError, DesignError, DesignWarning, warn
from turncoat.study import TallyPlan
from turncoat.tables import FloatArray, IntArray

#: Candidate cells looked at together: as a dense matrix of 10,000 genes this is 0.5 GiB.
MAX_CANDIDATES: Final = 12_000
#: Names of tissues and conditions that are taken to be free of tumour ("nLung", "normal", …).
TUMOUR_FREE: Final = re.compile(r"^n(?=[A-Z])|normal|healthy|benign|^control", re.ASCII)
CANDIDATE, MALIGNANT = "Epithelial", "Malignant"


def split_malignant(
    plan: TallyPlan,
    found: Annotation,
    *,
    seed: int = 0,
    gather: Callable[[IntArray], sp.csr_matrix] | None = None,
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
        Gives the counts of some cells, numbered over all sources, where a pass over the files has
        kept them; the files are read again by default.

    Returns
    -------
    Annotation, Malignancy or None
        The annotation with the population ``Malignant``, uncertain ones unassigned; None where
        copy number cannot be read (the annotation is then as it was, and a warning says why).
    """
    cells = found.cells
    candidates = np.flatnonzero(cells["population"] == CANDIDATE)
    others = np.flatnonzero(~cells["population"].isin([CANDIDATE, UNASSIGNED]))
    if candidates.size == 0:
        return found, None
    if candidates.size > MAX_CANDIDATES:
        warn(
            f"{candidates.size:,} epithelial cells are more than are looked at together "
            f"({MAX_CANDIDATES:,}): malignant and normal ones are not told apart. Call "
            "turncoat.pp.malignant donor by donor.",
            DesignWarning,
        )
        return found, None
    drawn = draw_reference(others, reference_order(len(cells), seed))
    rows = np.sort(np.concatenate([candidates, drawn]))
    donor_of = dict(zip(plan.rows["sample"], plan.rows["donor"], strict=True))
    free = tumour_free_samples(plan.rows)
    obs = pd.DataFrame(
        {
            "donor": cells["sample"].iloc[rows].map(donor_of).to_numpy(),
            "lineage": cells["lineage"].iloc[rows].to_numpy(),
            "free": cells["sample"].iloc[rows].isin(free).to_numpy(),
        },
        index=pd.Index(rows.astype(str)),
    )
    counts = _gather(plan, rows) if gather is None else gather(rows)
    gathered = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=plan.genes.index))
    try:
        called = malignant(
            gathered,
            donor_key="donor",
            lineage_key="lineage",
            normal_key="free",
            species=str(plan.meta["species"]),
        )
    except (CountsError, DesignError) as error:
        warn(f"Malignant and normal cells are not told apart: {error}", DesignWarning)
        return found, None
    return _merge(found, called, rows), called


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
    cells = found.cells.copy()
    population = cells["population"].to_numpy(dtype=object)
    call = called.cells["call"].to_numpy(dtype=object)
    epithelial = population[rows] == CANDIDATE
    population[rows[epithelial & (call == "malignant")]] = MALIGNANT
    population[rows[epithelial & (call == "uncertain")]] = UNASSIGNED
    cells["population"] = population
    return dataclasses.replace(found, cells=cells)


def _gather(plan: TallyPlan, rows: IntArray) -> sp.csr_matrix:
    """Read some cells, numbered over all sources one after the other."""
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
    gathered: sp.csr_matrix = sp.vstack(parts, format="csr")
    return gathered
