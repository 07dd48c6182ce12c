"""Which cells are fit to be counted: thresholds that each sample sets for itself.

A cell is marked where it lies far outside its own sample (median absolute deviations), holds
hardly anything, or shows two lineages at once. Every mark is counted per sample and reason, and
the thresholds are part of the result; a cell is left out only for marks that were named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.markers import marker_set
from turncoat.cells.quality_result import Quality
from turncoat.cells.two_lineages import two_lineages
from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.tables import BoolArray, FloatArray

if TYPE_CHECKING:
    import anndata as ad

#: Median absolute deviations beyond which a cell is marked; the field's usual choice
#: (Germain et al. 2020, Genome Biology 21:227).
N_DEVIATIONS: Final = 5.0
#: A normal distribution's standard deviation in median absolute deviations.
MAD_TO_SD: Final = 1.4826
#: No share below this is marked, however tight the sample. Lymphocytes are a third to a half
#: ribosomal: that share marks what is far outside, never lymphocytes as such.
LEAST_SHARES: Final = {"mito": 0.10, "ribo": 0.60, "haemoglobin": 0.05}
#: The mark of a cell that shows two lineages, and of one like a simulated doublet.
TWO_LINEAGES, SIMULATED = "two lineages", "simulated doublet"
#: Fewer counts than this are ambient RNA in any droplet protocol.
EMPTY: Final = 100
#: Samples with fewer cells take the thresholds of all cells together.
MIN_CELLS: Final = 30


def quality(
    adata: "ad.AnnData",
    *,
    sample_key: str,
    lineage_key: str | None = None,
    species: str = "human",
    remove: Sequence[str] = (),
) -> Quality:
    """Mark doubtful cells, sample by sample, and estimate each sample's ambient RNA.

    Parameters
    ----------
    adata
        Cells with raw counts.
    sample_key
        Column of ``obs``.
    lineage_key
        Column of ``obs`` with lineages (``annotate`` gives it); needed for the ambient estimate.
    species
        ``human`` or ``mouse``.
    remove
        Marks for which a cell counts as left out (``["all"]``: any); ``adata`` stays as it is.

    Returns
    -------
    Quality
        Cells, thresholds, marks, samples, soup; ``removed`` flags the cells left out.

    Raises
    ------
    MissingKeyError
        When a column is not there.
    ArgumentError
        When ``remove`` names no mark.

    Examples
    --------
    >>> import turncoat as tc
    >>> found = quality(tc.ds.lung_niches(), sample_key="sample")
    >>> list(found.marks.columns)
    ['sample', 'reason', 'n_cells', 'n_removed']
    """
    for key in (sample_key, lineage_key):
        if key is not None and key not in adata.obs:
            raise MissingKeyError(
                f"adata.obs has no column '{key}'. {did_you_mean(key, adata.obs.columns)}"
            )
    counts = sp.csr_matrix(adata.X, dtype=np.float64)
    samples = adata.obs[sample_key].astype(str).to_numpy()
    measures = measure_cells(counts, adata.var_names)
    measures.insert(0, "barcode", adata.obs_names.astype(str).to_numpy(dtype=object))
    measures.insert(1, "sample", samples.astype(object))
    two = two_lineages(counts, adata.var_names, species)
    lineages = None if lineage_key is None else adata.obs[lineage_key].astype(str).to_numpy()
    found = judge_cells(measures, {TWO_LINEAGES: two}, remove=remove)
    return replace(found, soup=_soup(counts, adata.var_names, samples, lineages, species))


def judge_cells(
    measures: pd.DataFrame,
    seen: Mapping[str, BoolArray],
    *,
    remove: Sequence[str] = (),
    deviations: float = N_DEVIATIONS,
    empty: int = EMPTY,
) -> Quality:
    """Mark cells by what was measured of each.

    Parameters
    ----------
    measures
        One row a cell: barcode, sample, counts, genes, mito, ribo, haemoglobin.
    seen
        Marks that were seen otherwise, by name: flags, shape ``(n_cells,)``.
    remove
        Marks for which a cell is left out; ``all`` for any.
    deviations
        Median absolute deviations beyond which a cell is marked.
    empty
        Fewer counts than this are ambient RNA.
    """
    thresholds = _thresholds(measures, deviations, empty)
    marks = {**_marks(measures, thresholds, empty), **seen}
    names = list(marks)
    if wrong := [name for name in remove if name not in {"all", *names}]:
        raise ArgumentError(f"'{wrong[0]}' is no mark. {did_you_mean(wrong[0], ['all', *names])}")
    flags = np.stack(list(marks.values()), axis=1)
    acts = np.array(["all" in remove or name in remove for name in names])
    removed = (flags & acts).any(axis=1)
    text = _texts(flags, names)
    return Quality(
        cells=Quality.cells_schema.build(_columns(measures.assign(marks=text, removed=removed))),
        thresholds=thresholds,
        marks=_count(measures["sample"], flags, names, acts),
        samples=_samples(measures, np.asarray(flags.any(axis=1)), removed),
        soup=Quality.soup_schema.build([]),
        params={"n_deviations": deviations, "empty": empty, "remove": "; ".join(remove)},
    )


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): column for name, column in table.items()}


def _texts(flags: BoolArray, names: Sequence[str]) -> "np.ndarray[Any, Any]":
    """Write out the marks of every cell; few combinations occur."""
    codes = flags @ (1 << np.arange(len(names)))
    kinds, which = np.unique(codes, return_inverse=True)
    texts = [
        "; ".join(name for k, name in enumerate(names) if int(kind) >> k & 1) for kind in kinds
    ]
    return np.array(texts, dtype=object)[which]


def _count(
    samples: pd.Series, flags: BoolArray, names: Sequence[str], acts: BoolArray
) -> pd.DataFrame:
    known, codes = np.unique(samples.to_numpy(dtype=str), return_inverse=True)
    counted = np.stack([np.bincount(codes[own], minlength=known.size) for own in flags.T], axis=1)
    rows = [
        {
            "sample": str(sample),
            "reason": name,
            "n_cells": int(n),
            "n_removed": int(n) if acts[k] else 0,
        }
        for sample, row in zip(known, counted, strict=True)
        for k, (name, n) in enumerate(zip(names, row, strict=True))
    ]
    return Quality.marks_schema.build(rows)


def _samples(measures: pd.DataFrame, marked: BoolArray, removed: BoolArray) -> pd.DataFrame:
    table = measures.assign(marked=marked, removed=removed).groupby("sample", sort=True)
    counted = table.agg(
        n_cells=("marked", "size"),
        n_marked=("marked", "sum"),
        n_removed=("removed", "sum"),
        median_counts=("counts", "median"),
        median_genes=("genes", "median"),
    )
    return Quality.samples_schema.build(_columns(counted.reset_index()))


def gene_families(genes: pd.Index) -> dict[str, BoolArray]:
    """Say which genes are mitochondrial, ribosomal, haemoglobin; shape ``(n_genes,)`` each."""
    upper = genes.astype(str).str.upper()
    return {
        "mito": np.asarray(upper.str.startswith("MT-")),
        "ribo": np.asarray(upper.str.match(r"RP[SL]\d")),
        "haemoglobin": np.asarray(upper.str.match(r"HB[ABDEGMQZ]\d?(-|$)")),
    }


def measure_cells(counts: sp.csr_matrix, genes: pd.Index) -> pd.DataFrame:
    """Measure counts, genes and shares of gene families of every cell."""
    depth = np.asarray(counts.sum(axis=1)).ravel()
    table = {"counts": depth, "genes": np.asarray((counts > 0).sum(axis=1), dtype=float).ravel()}
    for name, member in gene_families(genes).items():
        own = np.asarray(counts[:, np.flatnonzero(member)].sum(axis=1)).ravel()
        table[name] = own / np.maximum(depth, 1)
    return pd.DataFrame(table)


def _bounds(values: FloatArray, deviations: float) -> tuple[float, float]:
    centre = float(np.median(values))
    reach = deviations * MAD_TO_SD * float(np.median(np.abs(values - centre)))
    return centre - reach, centre + reach


def _thresholds(measures: pd.DataFrame, deviations: float, empty: int) -> pd.DataFrame:
    rows = []
    for sample, group in measures.groupby("sample", sort=True):
        own = len(group) >= MIN_CELLS
        used = group if own else measures
        base = {"sample": str(sample), "own": own}
        for name in ("counts", "genes"):
            low, high = np.expm1(_bounds(np.log1p(used[name].to_numpy(dtype=float)), deviations))
            low = max(float(low), float(empty)) if name == "counts" else max(float(low), 0.0)
            rows.append(base | {"measure": name, "low": low, "high": float(high)})
        for name, least in LEAST_SHARES.items():
            high = max(_bounds(used[name].to_numpy(dtype=float), deviations)[1], least)
            rows.append(base | {"measure": name, "low": np.nan, "high": high})
    return Quality.thresholds_schema.build(rows)


def _marks(measures: pd.DataFrame, thresholds: pd.DataFrame, empty: int) -> dict[str, BoolArray]:
    bounds = thresholds.set_index(["measure", "sample"])
    marks = {"nearly empty": measures["counts"].to_numpy() < empty}
    for name in ("counts", "genes", *LEAST_SHARES):
        own = bounds.loc[name].reindex(measures["sample"])
        values = measures[name].to_numpy()
        if name in {"counts", "genes"}:
            marks[f"few {name}"] = values < own["low"].to_numpy()
        word = "high" if name in LEAST_SHARES else "many"
        marks[f"{word} {name}"] = values > own["high"].to_numpy()
    return marks


def _soup(
    counts: sp.csr_matrix,
    genes: pd.Index,
    samples: "np.ndarray[Any, Any]",
    lineages: "np.ndarray[Any, Any] | None",
    species: str,
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    if lineages is None:
        return Quality.soup_schema.build(rows)
    depth = np.asarray(counts.sum(axis=1)).ravel()
    for node in marker_set(species).at("lineage"):
        columns = genes.get_indexer(pd.Index(list(node.positive)))
        own_counts = np.asarray(counts[:, columns[columns >= 0]].sum(axis=1)).ravel()
        for sample in np.unique(samples):
            here = samples == sample
            mine, foreign = here & (lineages == node.name), here & (lineages != node.name)
            if mine.sum() < 5 or foreign.sum() < 5:
                continue
            rate = own_counts[foreign].sum() / max(depth[foreign].sum(), 1)
            own_rate = own_counts[mine].sum() / max(depth[mine].sum(), 1)
            row = {"sample": str(sample), "lineage": node.name, "rate": rate, "own_rate": own_rate}
            rows.append(row | {"soup": min(rate / own_rate, 1.0) if own_rate > 0 else np.nan})
    return Quality.soup_schema.build(rows)
