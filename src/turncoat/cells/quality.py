"""Which cells are fit to be counted: thresholds that each sample sets for itself.

A cell is marked where it lies far outside its own sample (median absolute deviations), holds
hardly anything, or shows two lineages at once. Nothing is removed here: every mark is counted
per sample and reason, and the thresholds are part of the result.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from turncoat.cells.markers import marker_set
from turncoat.errors import MissingKeyError, did_you_mean
from turncoat.tables import BoolArray, Column, FloatArray, TableSchema

if TYPE_CHECKING:
    import anndata as ad

#: Median absolute deviations beyond which a cell is marked; the field's usual choice
#: (Germain et al. 2020, Genome Biology 21:227).
N_DEVIATIONS: Final = 5.0
#: A normal distribution's standard deviation in median absolute deviations.
MAD_TO_SD: Final = 1.4826
#: No share below this is marked, however tight the sample: mitochondrial, haemoglobin.
LEAST_MITO, LEAST_HAEMOGLOBIN = 0.10, 0.05
#: Fewer counts than this are ambient RNA in any droplet protocol.
EMPTY: Final = 100
#: A lineage is present with this many of its own markers and this many counts of them.
DOUBLET_MARKERS, DOUBLET_COUNTS = 3, 5
#: Samples with fewer cells take the thresholds of all cells together.
MIN_CELLS: Final = 30
#: Lineages whose co-expression no single cell shows.
EXCLUSIVE: Final = ("Epithelial", "Stromal", "Endothelial", "T", "B", "Myeloid", "Mast")

CELLS_SCHEMA: Final = TableSchema(
    columns=(
        Column("barcode", "text", "", "Cell."),
        Column("sample", "text", "", "Sample."),
        Column("counts", "real", "counts", "Counts over all genes."),
        Column("genes", "real", "genes", "Genes with a count."),
        Column("mito", "real", "", "Share of mitochondrial counts."),
        Column("ribo", "real", "", "Share of ribosomal counts."),
        Column("haemoglobin", "real", "", "Share of haemoglobin counts."),
        Column("marks", "text", "", "Why the cell is doubtful, separated by '; '; empty if not."),
    ),
)


@dataclass(frozen=True, slots=True)
class Quality:
    """What :func:`quality` found.

    Parameters
    ----------
    cells
        One row a cell.
    thresholds
        One row per sample and measure.
    marks
        How many cells of each sample were marked, by reason.
    soup
        Share of each lineage's marker counts that lie in cells of other lineages.
    params
        Constants that were used.
    """

    cells: pd.DataFrame
    thresholds: pd.DataFrame
    marks: pd.DataFrame
    soup: pd.DataFrame
    params: dict[str, Any] = field(default_factory=dict)

    cells_schema: ClassVar[TableSchema] = CELLS_SCHEMA
    thresholds_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("measure", "text", "", "counts, genes, mito or haemoglobin."),
            Column("low", "real", "", "Below this a cell is marked; NaN for no bound."),
            Column("high", "real", "", "Above this a cell is marked; NaN for no bound."),
            Column("own", "flag", "", "Whether the sample had enough cells for its own."),
        ),
        key=("sample", "measure"),
    )
    marks_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("reason", "text", "", "Mark."),
            Column("n_cells", "whole", "cells", "Cells with it."),
        ),
        key=("sample", "reason"),
    )
    soup_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("lineage", "text", "", "Whose markers."),
            Column("rate", "real", "", "Share of a foreign cell's counts that are its markers."),
            Column("own_rate", "real", "", "The same in its own cells."),
            Column("soup", "real", "", "Rate in foreign cells over rate in own: ambient, at most."),
        ),
        key=("sample", "lineage"),
    )

    def __post_init__(self) -> None:
        self.cells_schema.check(self.cells)
        self.thresholds_schema.check(self.thresholds)
        self.marks_schema.check(self.marks)
        self.soup_schema.check(self.soup)


def quality(
    adata: "ad.AnnData", *, sample_key: str, lineage_key: str | None = None, species: str = "human"
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

    Returns
    -------
    Quality
        Cells, thresholds, marks, soup. Nothing is removed.

    Raises
    ------
    MissingKeyError
        When a column is not there.

    Examples
    --------
    >>> import turncoat as tc
    >>> found = quality(tc.ds.lung_niches(), sample_key="sample")
    >>> list(found.marks.columns)
    ['sample', 'reason', 'n_cells']
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
    thresholds = _thresholds(measures)
    marks = _marks(measures, thresholds)
    marks["two lineages: a doublet?"] = _two_lineages(counts, adata.var_names, species)
    text = marks.apply(lambda row: "; ".join(marks.columns[row.to_numpy()]), axis=1)
    lineages = None if lineage_key is None else adata.obs[lineage_key].astype(str).to_numpy()
    counted = [
        {"sample": str(sample), "reason": str(reason), "n_cells": int(n)}
        for sample, group in marks.groupby(samples)
        for reason, n in group.sum().items()
    ]
    return Quality(
        cells=measures.assign(marks=text.to_numpy(dtype=object)),
        thresholds=thresholds,
        marks=Quality.marks_schema.build(counted),
        soup=_soup(counts, adata.var_names, samples, lineages, species),
        params={"n_deviations": N_DEVIATIONS, "empty": EMPTY},
    )


def measure_cells(counts: sp.csr_matrix, genes: pd.Index) -> pd.DataFrame:
    """Measure counts, genes and shares of gene families of every cell."""
    upper = genes.astype(str).str.upper()
    depth = np.asarray(counts.sum(axis=1)).ravel()
    families = {
        "mito": upper.str.startswith("MT-"),
        "ribo": upper.str.match(r"RP[SL]\d"),
        "haemoglobin": upper.str.match(r"HB[ABDEGMQZ]\d?(-|$)"),
    }
    table = {"counts": depth, "genes": np.asarray((counts > 0).sum(axis=1), dtype=float).ravel()}
    for name, member in families.items():
        own = np.asarray(counts[:, np.flatnonzero(member)].sum(axis=1)).ravel()
        table[name] = own / np.maximum(depth, 1)
    return pd.DataFrame(table)


def _bounds(values: FloatArray) -> tuple[float, float]:
    centre = float(np.median(values))
    reach = N_DEVIATIONS * MAD_TO_SD * float(np.median(np.abs(values - centre)))
    return centre - reach, centre + reach


def _thresholds(measures: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for sample, group in measures.groupby("sample", sort=True):
        own = len(group) >= MIN_CELLS
        used = group if own else measures
        base = {"sample": str(sample), "own": own}
        for name in ("counts", "genes"):
            low, high = np.expm1(_bounds(np.log1p(used[name].to_numpy(dtype=float))))
            low = max(float(low), float(EMPTY)) if name == "counts" else max(float(low), 0.0)
            rows.append(base | {"measure": name, "low": low, "high": float(high)})
        for name, least in (("mito", LEAST_MITO), ("haemoglobin", LEAST_HAEMOGLOBIN)):
            high = max(_bounds(used[name].to_numpy(dtype=float))[1], least)
            rows.append(base | {"measure": name, "low": np.nan, "high": high})
    return Quality.thresholds_schema.build(rows)


def _marks(measures: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    bounds = thresholds.set_index(["measure", "sample"])
    marks = pd.DataFrame(index=measures.index)
    marks["nearly empty"] = measures["counts"] < EMPTY
    for name in ("counts", "genes", "mito", "haemoglobin"):
        own = bounds.loc[name].reindex(measures["sample"])
        values = measures[name].to_numpy()
        if name in {"counts", "genes"}:
            marks[f"few {name}"] = values < own["low"].to_numpy()
        marks[f"many {name}" if name in {"counts", "genes"} else f"high {name}"] = (
            values > own["high"].to_numpy()
        )
    return marks


def _two_lineages(counts: sp.csr_matrix, genes: pd.Index, species: str) -> BoolArray:
    present = np.zeros(counts.shape[0], dtype=int)
    known = {node.name: node for node in marker_set(species).at("lineage")}
    uses = pd.Series([g for name in EXCLUSIVE for g in known[name].positive]).value_counts()
    for name in EXCLUSIVE:
        own = [gene for gene in known[name].positive if uses[gene] == 1]
        columns = genes.get_indexer(pd.Index(own))
        shown = counts[:, columns[columns >= 0]]
        many = np.asarray((shown > 0).sum(axis=1)).ravel() >= DOUBLET_MARKERS
        present += many & (np.asarray(shown.sum(axis=1)).ravel() >= DOUBLET_COUNTS)
    doubled: BoolArray = present >= 2
    return doubled


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
