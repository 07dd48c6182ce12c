"""Malignant or normal: copy number joined with the kind of cell and the tissue it came from."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.copynumber import Baseline, make_baseline, order_genes
from turncoat.cells.malignancy import Malignancy
from turncoat.cells.search import (
    MAX_REFERENCE,
    MIN_REFERENCE,
    Gather,
    Search,
    Searched,
    evenly,
)
from turncoat.errors import DesignError, StudyError
from turncoat.tables import BoolArray, IntArray

if TYPE_CHECKING:
    import anndata as ad

#: Kinds of normal cells with fewer cells are pooled.
MIN_KIND: Final = 20
MALIGNANT, NORMAL, UNCERTAIN = "malignant", "normal", "uncertain"
#: Lineages that could be malignant.
CANDIDATES: Final = ("Epithelial", "Malignant")
TARGET_SUM: Final = 10_000.0
#: Cells of each donor and call whose profiles are kept to be looked at.
SHOWN_PER_CALL: Final = 20


def malignant(
    adata: "ad.AnnData",
    *,
    donor_key: str,
    lineage_key: str,
    candidates: tuple[str, ...] = CANDIDATES,
    normal_key: str | None = None,
    layer: str | None = None,
    log_normalised: bool = False,
    species: str = "human",
    seed: int = 0,
) -> Malignancy:
    """Tell malignant from normal cells, donor by donor, or say that it is uncertain.

    Parameters
    ----------
    adata
        Cells; ``var_names`` are symbols.
    donor_key, lineage_key
        Columns of ``obs``: donor, and lineage or population (``annotate`` gives it).
    candidates
        Lineages that could be malignant. All others are the normal reference.
    normal_key
        Column of flags: cells of tissue known to be free of tumour. Candidates among them join
        the reference and are called normal.
    layer
        Layer with counts; None for ``X``.
    log_normalised
        Whether the matrix is already logarithmic (full-length protocols).
    species
        ``human`` or ``mouse``.
    seed
        For drawing reference cells.

    Returns
    -------
    Malignancy
        Cells, donors, arms.

    Raises
    ------
    DesignError
        When there are fewer than 20 normal reference cells in all.
    StudyError
        When no cell is of a candidate lineage.
    CountsError
        When too few genes have a position on the genome.

    References
    ----------
    Tirosh et al. (2016), Science 352:189; Patel et al. (2014), Science 344:1396.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.lung_niches()
    >>> nodes = cells[cells.obs["tissue"].isin(["mLN", "nLN"])].copy()
    >>> found = malignant(nodes, donor_key="donor", lineage_key="cell_type",
    ...                   candidates=("Malignant_cells", "Epithelial_cells"))
    >>> set(found.cells["call"]) <= {"malignant", "normal", "uncertain"}
    True
    """
    kinds = adata.obs[lineage_key].astype(str).to_numpy()
    donors = adata.obs[donor_key].astype(str).to_numpy()
    candidate = np.isin(kinds, candidates)
    healthy = np.zeros(kinds.size, dtype=bool)
    if normal_key is not None:
        healthy = adata.obs[normal_key].to_numpy(dtype=bool)
    if not (candidate & ~healthy).any():
        raise StudyError(
            f"No cell is of the lineages {', '.join(candidates)} (argument 'candidates'); present: "
            f"{', '.join(sorted(set(kinds))[:10])}."
        )
    refuse_few(candidate, healthy)
    logged = log_normalise(adata.X if layer is None else adata.layers[layer], is_log=log_normalised)
    cells = pd.DataFrame({"barcode": adata.obs_names.astype(str), "donor": donors, "kind": kinds})
    return search_cells(
        cells,
        candidate,
        healthy,
        lambda rows: logged[rows],
        genes=adata.var_names,
        species=species,
        seed=seed,
    )


def search_cells(
    cells: pd.DataFrame,
    candidate: BoolArray,
    healthy: BoolArray,
    gather: Gather,
    *,
    genes: pd.Index,
    species: str,
    seed: int,
    threads: int = 1,
) -> Malignancy:
    """Tell malignant from normal cells whose expression is given some cells at a time.

    Parameters
    ----------
    cells
        Columns barcode, donor, kind: one row a cell.
    candidate, healthy
        Which cells could be malignant by their kind, and which are of tissue free of tumour.
    gather
        Gives the log-normalised expression of some cells, by their numbers.
    genes, species, seed
        Columns of the expression; as in :func:`malignant`.
    threads
        How many work; they change nothing in what is found.
    """
    donors = cells["donor"].to_numpy()
    kinds = cells["kind"].to_numpy()
    baseline, reference = _baseline(gather, kinds, candidate, healthy, genes, species, seed)
    searched = Searched(donors, candidate, healthy, reference)
    found = Search(searched, baseline, gather, threads=threads)
    table = _calls(cells, candidate, healthy, found)
    called = table.groupby("donor")["call"].value_counts().unstack(fill_value=0)
    for row in found.donor_rows:
        counts = called.loc[row["donor"]]
        row["n_malignant"], row["n_uncertain"] = (
            int(counts.get(c, 0)) for c in (MALIGNANT, UNCERTAIN)
        )
    shown = _shown(table, candidate, reference)
    pictures, bins = found.pictures(shown)
    kinds_shown = np.where(candidate[shown], table["call"].to_numpy()[shown], "reference")
    return Malignancy(
        shown=Malignancy.shown_schema.build(
            {
                "barcode": table["barcode"].to_numpy()[shown],
                "donor": donors[shown].astype(object),
                "kind": kinds_shown.astype(object),
            }
        ),
        bins=Malignancy.bins_schema.build({str(name): own for name, own in bins.items()}),
        profiles=pictures,
        cells=table,
        donors=Malignancy.donors_schema.build(found.donor_rows),
        arms=Malignancy.arms_schema.build(found.arm_rows),
        params={"n_genes": int(baseline.genome.columns.size), "n_reference": int(reference.sum())},
    )


def _shown(cells: pd.DataFrame, candidate: BoolArray, reference: BoolArray) -> IntArray:
    """Choose cells to be looked at: of each donor some of every call, then some of the reference."""
    rows = np.flatnonzero(candidate)
    donor = pd.Categorical(cells["donor"].to_numpy()[rows]).codes.astype(np.int64)
    calls = (MALIGNANT, UNCERTAIN, NORMAL)
    group = donor * len(calls) + pd.Index(calls).get_indexer(pd.Index(cells["call"])[rows])
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    chosen = [evenly(mine, SHOWN_PER_CALL) for mine in np.split(rows[order], edges)]
    chosen.append(evenly(np.flatnonzero(reference & ~candidate), 2 * SHOWN_PER_CALL))
    shown: IntArray = np.concatenate(chosen)
    return shown


def refuse_few(candidate: BoolArray, healthy: BoolArray) -> None:
    """Refuse to compare with fewer than :data:`MIN_REFERENCE` normal cells."""
    n_normal = int((~candidate | healthy).sum())
    if n_normal < MIN_REFERENCE:
        raise DesignError(
            f"Copy number needs at least {MIN_REFERENCE} normal cells to compare with, over all "
            f"donors; there are {n_normal}. Add immune or stromal cells of any donor."
        )


def log_normalise(matrix: Any, *, is_log: bool = False) -> sp.csr_matrix:
    """Give log1p of counts per 10,000, in float32."""
    counts = sp.csr_matrix(matrix)
    values = counts.data.astype(np.float32)
    if not is_log:
        depth = np.maximum(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel(), 1)
        values *= np.repeat((TARGET_SUM / depth).astype(np.float32), np.diff(counts.indptr))
        # Rounded once, so that it is the same where packed cells are normalised by a table.
        values = np.log1p(values.astype(np.float64)).astype(np.float32)
    logged: sp.csr_matrix = sp.csr_matrix((values, counts.indices, counts.indptr), counts.shape)
    return logged


def _baseline(
    gather: Gather,
    kinds: "np.ndarray[Any, Any]",
    candidate: BoolArray,
    healthy: BoolArray,
    genes: pd.Index,
    species: str,
    seed: int,
) -> tuple[Baseline, BoolArray]:
    rows = np.flatnonzero(~candidate | healthy)
    rng = np.random.default_rng(seed)
    if rows.size > MAX_REFERENCE:
        rows = np.sort(rng.choice(rows, MAX_REFERENCE, replace=False))
    names, codes, sizes = np.unique(kinds[rows], return_inverse=True, return_counts=True)
    groups = np.where(sizes[codes] >= MIN_KIND, codes, names.size)
    reference = np.zeros(kinds.size, dtype=bool)
    reference[rows] = True
    return make_baseline(gather(rows), groups, order_genes(genes, species)), reference


def _calls(
    cells: pd.DataFrame, candidate: BoolArray, healthy: BoolArray, found: Search
) -> pd.DataFrame:
    score = found.score
    gained = score > found.sure
    plain = score <= found.normal
    call = np.full(score.size, UNCERTAIN, dtype=object)
    reason = np.full(score.size, "agrees a little with the tumour's profile", dtype=object)
    for where, what, why in (
        (candidate & plain, NORMAL, "no copy number of the tumour"),
        (candidate & gained, MALIGNANT, "copy number of the donor's tumour"),
        (~candidate & ~gained, NORMAL, "not a candidate lineage"),
        (~candidate & gained, UNCERTAIN, "tumour's copy number in another lineage: a doublet?"),
        (candidate & healthy & ~gained, NORMAL, "tissue free of tumour"),
        (candidate & healthy & gained, UNCERTAIN, "tumour's copy number in tissue free of tumour"),
    ):
        call[where], reason[where] = what, why
    evidence = 0.5 * (1 + np.clip(score, -1, 1)) * np.where(candidate & ~healthy, 1.0, 0.5)
    return Malignancy.cells_schema.build(
        {
            "barcode": cells["barcode"].to_numpy(dtype=object),
            "donor": cells["donor"].to_numpy(dtype=object),
            "call": call,
            "score": evidence,
            "agreement": score,
            "reason": reason,
        }
    )
