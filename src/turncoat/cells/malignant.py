"""Malignant or normal: copy number joined with the kind of cell and the tissue it came from."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.copynumber import (
    Baseline,
    agreement,
    binned,
    by_arm,
    make_baseline,
    order_genes,
    separate,
    shared_profile,
)
from turncoat.cells.malignancy import Malignancy
from turncoat.errors import DesignError, StudyError
from turncoat.tables import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import anndata as ad

#: Normal cells used at most, and needed at least, as reference.
MAX_REFERENCE, MIN_REFERENCE = 3_000, 20
#: Kinds of normal cells with fewer cells are pooled.
MIN_KIND: Final = 20
#: A donor with fewer candidates leans on the profile of all donors together.
MIN_CANDIDATES: Final = 10
#: Agreement that this share of the normal cells stays below: above it a cell is malignant …
SURE_QUANTILE: Final = 0.99
#: … and below this one it is normal; between them it is uncertain. Where normal and tumour cells
#: are plainly two kinds, the bounds lie between the two (:func:`~turncoat.cells.copynumber.separate`).
NORMAL_QUANTILE: Final = 0.90
MALIGNANT, NORMAL, UNCERTAIN = "malignant", "normal", "uncertain"
TARGET_SUM: Final = 10_000.0
#: Cells of each donor and call whose profiles are kept to be looked at.
SHOWN_PER_CALL: Final = 20


def malignant(
    adata: "ad.AnnData",
    *,
    donor_key: str,
    lineage_key: str,
    candidates: tuple[str, ...] = ("Epithelial", "Malignant"),
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
    _check(candidate & ~healthy, ~candidate | healthy, candidates, kinds)
    logged = _logged(adata.X if layer is None else adata.layers[layer], is_log=log_normalised)
    baseline, reference = _baseline(
        logged, kinds, candidate, healthy, adata.var_names, species, seed
    )
    profiles = baseline.profile(logged)
    agreed, donor_rows, arm_rows = _by_donor(
        profiles, donors, candidate, healthy, reference, baseline
    )
    cells = _calls(adata.obs_names, donors, candidate, healthy, agreed)
    called = cells.groupby("donor")["call"].value_counts().unstack(fill_value=0)
    for row in donor_rows:
        counts = called.loc[row["donor"]]
        row["n_malignant"], row["n_uncertain"] = (
            int(counts.get(c, 0)) for c in (MALIGNANT, UNCERTAIN)
        )
    shown = _shown(cells, candidate, reference)
    pictures, bins = binned(profiles[shown], baseline.places)
    kinds_shown = np.where(candidate[shown], cells["call"].to_numpy()[shown], "reference")
    return Malignancy(
        shown=Malignancy.shown_schema.build(
            {
                "barcode": cells["barcode"].to_numpy()[shown],
                "donor": donors[shown].astype(object),
                "kind": kinds_shown.astype(object),
            }
        ),
        bins=Malignancy.bins_schema.build({str(name): own for name, own in bins.items()}),
        profiles=pictures,
        cells=cells,
        donors=Malignancy.donors_schema.build(donor_rows),
        arms=Malignancy.arms_schema.build(arm_rows),
        params={"n_genes": int(baseline.genome.columns.size), "n_reference": int(reference.sum())},
    )


def _shown(cells: pd.DataFrame, candidate: BoolArray, reference: BoolArray) -> IntArray:
    """Choose cells to be looked at: of each donor some of every call, then some of the reference."""
    chosen = []
    donors, calls = cells["donor"].to_numpy(), cells["call"].to_numpy()
    for donor in sorted(set(donors[candidate])):
        for call in (MALIGNANT, UNCERTAIN, NORMAL):
            mine = np.flatnonzero((donors == donor) & (calls == call) & candidate)
            chosen.append(mine[_evenly(mine.size, SHOWN_PER_CALL)])
    normal = np.flatnonzero(reference & ~candidate)
    chosen.append(normal[_evenly(normal.size, 2 * SHOWN_PER_CALL)])
    shown: IntArray = np.concatenate(chosen)
    return shown


def _evenly(n: int, most: int) -> IntArray:
    places: IntArray = np.unique(np.linspace(0, max(n - 1, 0), min(n, most)).astype(np.int64))
    return places[:n]


def _check(
    possible: BoolArray,
    normal: BoolArray,
    candidates: tuple[str, ...],
    kinds: "np.ndarray[Any, Any]",
) -> None:
    if not possible.any():
        raise StudyError(
            f"No cell is of the lineages {', '.join(candidates)} (argument 'candidates'); present: "
            f"{', '.join(sorted(set(kinds))[:10])}."
        )
    if normal.sum() < MIN_REFERENCE:
        raise DesignError(
            f"Copy number needs at least {MIN_REFERENCE} normal cells to compare with, over all "
            f"donors; there are {int(normal.sum())}. Add immune or stromal cells of any donor."
        )


def _logged(matrix: Any, *, is_log: bool) -> sp.csr_matrix:
    counts = sp.csr_matrix(matrix)
    values = counts.data.astype(np.float32)
    if not is_log:
        depth = np.maximum(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel(), 1)
        values *= np.repeat((TARGET_SUM / depth).astype(np.float32), np.diff(counts.indptr))
        np.log1p(values, out=values)
    logged: sp.csr_matrix = sp.csr_matrix((values, counts.indices, counts.indptr), counts.shape)
    return logged


def _baseline(
    logged: sp.csr_matrix,
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
    return make_baseline(logged[rows], groups, order_genes(genes, species)), reference


def _by_donor(
    profiles: FloatArray,
    donors: "np.ndarray[Any, Any]",
    candidate: BoolArray,
    healthy: BoolArray,
    reference: BoolArray,
    baseline: Baseline,
) -> tuple[dict[str, FloatArray], list[dict[str, Any]], list[dict[str, Any]]]:
    possible = candidate & ~healthy
    pooled: FloatArray | None = None
    score, sure, normal = (np.zeros(donors.size) for _ in range(3))
    donor_rows: list[dict[str, Any]] = []
    arm_rows: list[dict[str, Any]] = []
    for donor in np.unique(donors):
        mine = donors == donor
        tumour = mine & possible
        enough = tumour.sum() >= MIN_CANDIDATES
        if not enough and pooled is None:
            pooled = shared_profile(profiles[possible])
        shared = shared_profile(profiles[tumour]) if enough or pooled is None else pooled
        own = reference & mine
        compared = own if own.sum() >= MIN_REFERENCE else reference
        noise = agreement(profiles[compared], shared)
        score[mine] = agreement(profiles[mine], shared)
        bounds = np.quantile(noise, (NORMAL_QUANTILE, SURE_QUANTILE))
        normal[mine], sure[mine] = separate(
            noise, score[tumour], (float(bounds[0]), max(float(bounds[1]), 0.0))
        )
        remarks = [] if enough else ["too few candidates: the profile of all donors together"]
        if own.sum() < MIN_REFERENCE:
            remarks.append(f"{int(own.sum())} normal cells: compared with those of other donors")
        donor_rows.append(
            {
                "donor": str(donor),
                "n_candidates": int(tumour.sum()),
                "n_own_normal": int(own.sum()),
                "remark": "; ".join(remarks),
            }
        )
        certain = tumour & (score > sure)
        if enough and certain.any():
            arms = by_arm(profiles[certain].mean(axis=0), baseline)
            arm_rows += [
                {"donor": str(donor), "arm": str(arm), "n_genes": int(n), "shift": float(shift)}
                for arm, n, shift in arms.to_numpy()
            ]
    return {"score": score, "sure": sure, "normal": normal}, donor_rows, arm_rows


def _calls(
    barcodes: pd.Index,
    donors: "np.ndarray[Any, Any]",
    candidate: BoolArray,
    healthy: BoolArray,
    agreed: dict[str, FloatArray],
) -> pd.DataFrame:
    score = agreed["score"]
    gained = score > agreed["sure"]
    plain = score <= agreed["normal"]
    call = np.full(donors.size, UNCERTAIN, dtype=object)
    reason = np.full(donors.size, "agrees a little with the tumour's profile", dtype=object)
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
            "barcode": barcodes.astype(str).to_numpy(dtype=object),
            "donor": donors.astype(object),
            "call": call,
            "score": evidence,
            "agreement": score,
            "reason": reason,
        }
    )
