"""Tallies made apart, added up: as if all their cells had been counted in one place."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError, DesignWarning, StudyError, TableError, warn
from turncoat.study import TallyPlan
from turncoat.study.genes import Species
from turncoat.tables import UNS_KEY, IntArray, restore, store
from turncoat.tally import layout
from turncoat.tally.account import ACCOUNT_KEY, CellAccount
from turncoat.tally.build import UNITS
from turncoat.tally.disclosure import suppress_rows
from turncoat.tally.identity import union_genes, union_rows
from turncoat.tally.kernels.units import GRID

if TYPE_CHECKING:
    import anndata as ad

#: What must be the same in all tallies, and what a difference would mean.
MUST_AGREE = {
    "schema_version": "they were written by versions of turncoat that lay a tally out differently",
    "target_sum": "their logarithms are of counts per different totals and cannot be added",
    "species": "genes of different species cannot be added",
    "gene_ids": "their genes are named in different ways",
    "knowledge": "their genes were named by different versions of the bundled table: make them "
    "with the same version of turncoat",
}
#: Study kinds, the most restrictive first: what holds of a part holds of the whole.
KINDS = ("subsampled", "sorted", "unsorted")
#: Cells from which two equal tallies are not a coincidence.
CELLS_OF_NO_COINCIDENCE = 100


def merge_tallies(
    tallies: "Sequence[ad.AnnData]",
    *,
    sites: Sequence[str] | None = None,
    min_cells: int | None = None,
) -> "ad.AnnData":
    """Add tallies up, as if all their cells had been counted in one place.

    Tallies may come from other hospitals, other files or other runs. Rows of the same sample and
    population are added; genes are matched by symbol and Ensembl id, and one that a tally did
    not measure counts as zero there (``dropped`` of the cell account says which). Sums stay what
    one tally of all cells would hold: counts exactly, logs within 1e-6. Results kept in a tally
    are of its own cells and are not carried over.

    Parameters
    ----------
    tallies
        Made by :func:`turncoat.pp.tally`, of different cells.
    sites
        A name a tally, put before its donors and samples and kept as column ``site``: for sites
        that number their patients in the same way. None when names are unique already.
    min_cells
        Disclosure guard: rows with fewer cells are taken out, and with them everything that they
        could be worked out from (moments of genes, quality of their samples). None keeps all.

    Returns
    -------
    AnnData
        A tally. Rows are sorted; neither they nor the genes depend on the order of ``tallies``.

    Raises
    ------
    ArgumentError
        Without tallies, or when ``sites`` does not name each once.
    TableError
        When something is no tally, or tallies do not fit together (says why).
    StudyError
        When they describe a sample differently, or hold the same cells.

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=4, n_controls=4, cells_per_donor=60, n_genes=600)
    >>> first = cells.obs["donor"].isin(sorted(set(cells.obs["donor"]))[:4])
    >>> columns = {"donor_key": "donor", "sample_key": "sample", "population_key": "population"}
    >>> here = tc.pp.tally(cells[first].copy(), **columns)
    >>> there = tc.pp.tally(cells[~first].copy(), **columns)
    >>> merged = tc.pp.merge_tallies([here, there], sites=["here", "there"])
    >>> merged.n_obs == here.n_obs + there.n_obs
    True
    """
    import anndata as ad

    several = list(tallies)
    if not several:
        raise ArgumentError("'tallies' is empty: give at least one tally.")
    metas = [_meta(tally, number) for number, tally in enumerate(several)]
    _refuse_misfits(metas)
    _refuse_repetition(several)
    obs = [_with_site(t.obs, site) for t, site in zip(several, _sites(sites, several), strict=True)]
    rows, row_codes = union_rows(obs)
    species: Species = metas[0]["species"]
    genes, gene_codes = union_genes([tally.var for tally in several], species)
    shape = (len(rows), len(genes))
    codes = list(zip(row_codes, gene_codes, strict=True))
    layers, sums = _add_layers(several, codes, shape)
    n_cells = np.zeros(len(rows), dtype=np.int64)
    for tally, code in zip(several, row_codes, strict=True):
        n_cells[code] += tally.obs[layout.N_CELLS].to_numpy()
    rows.insert(list(rows.columns).index(layout.POPULATION) + 1, layout.N_CELLS, n_cells)
    genes = _with_moments(genes, sums, int(n_cells.sum()))
    merged = ad.AnnData(obs=rows, var=genes, layers=layers)
    merged.uns[UNS_KEY] = {layout.META_KEY: _merge_meta(metas, int(n_cells.sum()))}
    store(merged, ACCOUNT_KEY, _merge_accounts(several, obs, gene_codes, len(genes)))
    return merged if min_cells is None else suppress_rows(merged, min_cells)


def _meta(tally: Any, number: int) -> dict[str, Any]:
    stored = getattr(tally, "uns", {}).get(UNS_KEY, {})
    meta = dict(stored.get(layout.META_KEY, {})) if isinstance(stored, dict) else {}
    lacking = [name for name in layout.LAYERS if name not in getattr(tally, "layers", {})]
    if not set(layout.META_FIELDS) <= set(meta) or lacking or layout.N_CELLS not in tally.obs:
        raise TableError(
            f"Number {number + 1} of 'tallies' is no tally of this version: expected an AnnData "
            f"with layers {list(layout.LAYERS)} and uns['{UNS_KEY}']['{layout.META_KEY}']. "
            "Make it with turncoat.pp.tally."
        )
    if not (tally.obs_names.is_unique and tally.var_names.is_unique):
        raise TableError(f"Number {number + 1} of 'tallies' has a row or a gene twice.")
    return {key: value.item() if hasattr(value, "item") else value for key, value in meta.items()}


def _refuse_misfits(metas: list[dict[str, Any]]) -> None:
    for field, meaning in MUST_AGREE.items():
        for number, meta in enumerate(metas[1:], start=2):
            if meta[field] != metas[0][field]:
                raise TableError(
                    f"Tallies 1 and {number} do not fit together: {field} is "
                    f"{metas[0][field]!r} and {meta[field]!r}; {meaning}."
                )


def _refuse_repetition(several: "list[ad.AnnData]") -> None:
    """Refuse a tally that is given twice: its cells would count twice."""
    seen: dict[bytes, int] = {}
    for number, tally in enumerate(several):
        if tally.obs[layout.N_CELLS].sum() < CELLS_OF_NO_COINCIDENCE:
            continue
        totals = np.asarray(tally.layers[layout.LOGSUM].sum(axis=1)).ravel()
        # The order of rows and genes may differ; sums of logs agree by chance to 6 digits never.
        mark = b"".join(sorted(f"{total:.9e}".encode() for total in totals))
        if mark in seen:
            raise StudyError(
                f"Tallies {seen[mark] + 1} and {number + 1} hold the same cells: every cell may "
                "count once. Leave one of them out."
            )
        seen[mark] = number


def _sites(sites: Sequence[str] | None, several: "list[ad.AnnData]") -> Sequence[str | None]:
    if sites is None:
        return [None] * len(several)
    if isinstance(sites, str) or len(sites) != len(several) or len(set(sites)) < len(sites):
        raise ArgumentError(
            f"'sites' should name each of the {len(several)} tallies once: {sites}."
        )
    return sites


def _with_site(obs: pd.DataFrame, site: str | None) -> pd.DataFrame:
    if site is None:
        return obs
    named = obs.assign(
        **{name: f"{site}:" + obs[name].astype(str) for name in (layout.DONOR, layout.SAMPLE)},
        site=site,
    )
    return named.set_axis(f"{site}:" + obs.index.astype(str))


def _add_layers(
    several: "list[ad.AnnData]", codes: list[tuple[IntArray, IntArray]], shape: tuple[int, int]
) -> tuple[dict[str, Any], IntArray]:
    """Add layer by layer in whole numbers, which no order of adding changes.

    Returns
    -------
    tuple
        The layers, and their sums over all rows in whole units, shape ``(n_genes, 4)``.
    """
    from scipy import sparse

    sparsely = any(sparse.issparse(tally.layers[layout.COUNTS]) for tally in several)
    layers: dict[str, Any] = {}
    sums = np.zeros((shape[1], len(UNITS)), dtype=np.int64)
    for number, (name, unit) in enumerate(zip(layout.LAYERS, UNITS, strict=True)):
        whole: Any = _nothing(shape, sparsely=sparsely)
        for tally, (rows, genes) in zip(several, codes, strict=True):
            stored = tally.layers[name]
            if sparsely:
                part = sparse.coo_matrix(stored)
                values = np.rint(part.data / unit).astype(np.int64)
                whole += sparse.csr_matrix((values, (rows[part.row], genes[part.col])), shape)
            else:
                whole[np.ix_(rows, genes)] += np.rint(np.asarray(stored) / unit).astype(np.int64)
        sums[:, number] = np.asarray(whole.sum(axis=0)).ravel()
        layers[name] = whole.astype(np.float64) * unit
    return layers, sums


def _nothing(shape: tuple[int, int], *, sparsely: bool) -> Any:
    if not sparsely:
        return np.zeros(shape, dtype=np.int64)
    from scipy import sparse

    none = np.zeros(0, dtype=np.int64)
    return sparse.csr_matrix((none, (none, none)), shape=shape)


def _with_moments(genes: pd.DataFrame, sums: IntArray, n_cells: int) -> pd.DataFrame:
    """Work out each gene's mean and variance over all cells, from sums alone."""
    n = max(n_cells, 1)
    counts, _, logs, squared_logs = sums.T.astype(np.float64)
    log_mean = logs / GRID / n
    return genes.assign(
        mean=counts / n,
        log_mean=log_mean,
        log_variance=np.maximum(squared_logs / GRID / n - log_mean**2, 0.0),
    )


def _merge_meta(metas: list[dict[str, Any]], n_cells: int) -> dict[str, Any]:
    kinds = {str(meta["study_kind"]) for meta in metas}
    kind = next((kind for kind in KINDS if kind in kinds), KINDS[0])
    if len(kinds) > 1:
        warn(
            f"Tallies of {' and '.join(sorted(kinds))} cells were merged: the whole counts as "
            f"{kind}, so composition is not tested.",
            DesignWarning,
        )
    made = sorted({str(meta["synthetic"]) for meta in metas} - {""})
    return {**metas[0], "n_cells": n_cells, "study_kind": kind, "synthetic": "; ".join(made)}


def _merge_accounts(
    several: "list[ad.AnnData]",
    obs: list[pd.DataFrame],
    codes: list[IntArray],
    n_genes: int,
) -> CellAccount:
    """Put the accounts together; a median of two parts is not known from their medians."""
    accounts = [_account(tally) for tally in several]
    quality = pd.concat(
        [_renamed(a.quality, t.obs, o) for a, t, o in zip(accounts, several, obs, strict=True)]
    )
    # Shares are of the cells with a count: back to numbers of cells, which add up.
    quality["high_mito"] *= quality["n_cells"] - quality["n_empty"]
    shared = quality["sample"].duplicated(keep=False)
    quality.loc[shared, ["median_counts", "median_genes", "median_mito"]] = np.nan
    how: dict[str, Any] = {str(name): "first" for name in quality if name != "sample"}
    how |= {"n_cells": "sum", "n_empty": "sum", "high_mito": "sum"}
    merged = quality.groupby("sample", sort=True, as_index=False).agg(how)
    filled = (merged["n_cells"] - merged["n_empty"]).astype(float)
    merged["high_mito"] /= filled.where(filled > 0)
    missing = [n_genes - np.unique(code).size for code in codes]
    remarks = [
        {"what": "genes", "n": n, "reason": "not measured in one tally: counted as zero there"}
        for n in sorted(missing)
        if n
    ]
    dropped = pd.concat([*(account.dropped for account in accounts), pd.DataFrame(remarks)])
    kept = dropped.sort_values(["what", "reason", "n"]).to_dict("list")
    return CellAccount(
        quality=CellAccount.quality_schema.build(
            {str(name): merged[name] for name in merged.columns}
        ),
        dropped=TallyPlan.schema.build({str(k): v for k, v in kept.items()}),
        params={"target_sum": layout.TARGET_SUM, "n_tallies": len(several)},
    )


def _account(tally: "ad.AnnData") -> CellAccount:
    if ACCOUNT_KEY in tally.uns[UNS_KEY]:
        return restore(tally, ACCOUNT_KEY, CellAccount)
    return CellAccount(CellAccount.quality_schema.build([]), TallyPlan.schema.build([]), {})


def _renamed(quality: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Follow the samples to the names that they have with their site."""
    names = dict(zip(before[layout.SAMPLE].astype(str), after[layout.SAMPLE], strict=True))
    return quality.assign(sample=[names.get(name, name) for name in quality["sample"]])
