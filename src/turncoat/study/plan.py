"""What the tally is going to do: which cell goes to which row, which column to which gene.

Everything that can be wrong with labels and genes is found here, before the matrix is read.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from turncoat.errors import ArgumentError, DroppedDataWarning, warn
from turncoat.knowledge.registry import card_of
from turncoat.plain_table import PlainTable, as_frame, names_of
from turncoat.study.counts import check_counts
from turncoat.study.gene_join import join_genes
from turncoat.study.genes import Species, name_genes
from turncoat.study.labels import CellKeys, read_labels
from turncoat.study.rows import (
    assign_rows,
    refuse_repeated_cells,
    sample_table,
    shared_levels,
    with_sheet,
)
from turncoat.study.sources import CellSource, open_sources
from turncoat.study.sources.annotation import features_of
from turncoat.study.sources.open import Cells
from turncoat.tables import Column, IntArray, TableSchema

if TYPE_CHECKING:
    import pandas as pd

GeneJoin = Literal["intersection", "union"]
StudyKind = Literal["unsorted", "sorted", "subsampled"]

SCHEMA_VERSION = 1
TARGET_SUM = 10_000.0


@dataclass(frozen=True)
class TallyPlan:
    """What goes where in a tally of some sources of cells.

    Parameters
    ----------
    sources
        Where the cells are.
    row_codes
        Per source: the tally's row of each cell, shape ``(n_cells,)``; -1 = left out.
    row_table
        What :attr:`rows` is made of.
    gene_codes
        Per source: the tally's gene of each column of the file; -1 = left out.
    gene_table
        What :attr:`genes` is made of.
    meta
        What the tally says of itself; ``n_cells`` is what is planned.
    left_out
        What :attr:`dropped` is made of.
    """

    sources: tuple[CellSource, ...]
    row_codes: tuple[IntArray, ...]
    row_table: "PlainTable | pd.DataFrame"
    gene_codes: tuple[IntArray, ...]
    gene_table: "PlainTable | pd.DataFrame"
    meta: dict[str, Any]
    left_out: "PlainTable | pd.DataFrame"

    schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("what", "text", "", "Kind of thing that was left out or merged."),
            Column("n", "whole", "", "How many of them."),
            Column("reason", "text", "", "Why, and in which file."),
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.left_out, PlainTable):
            self.schema.check(self.left_out)

    @functools.cached_property
    def rows(self) -> "pd.DataFrame":
        """The tally's ``obs`` without ``n_cells``; index ``sample|population``."""
        return as_frame(self.row_table)

    @functools.cached_property
    def genes(self) -> "pd.DataFrame":
        """The tally's ``var``: index symbol, column ``ensembl`` (empty where unknown)."""
        return as_frame(self.gene_table)

    @functools.cached_property
    def dropped(self) -> "pd.DataFrame":
        """What is left out or merged, how much of it, and why."""
        return as_frame(self.left_out)

    @functools.cached_property
    def row_names(self) -> list[str]:
        """Name of each row."""
        return names_of(self.row_table)

    @functools.cached_property
    def gene_names(self) -> list[str]:
        """Symbol of each gene."""
        return names_of(self.gene_table)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Choices that are not about labels."""

    gene_join: GeneJoin = "intersection"
    species: Species | None = None
    study_kind: StudyKind = "unsorted"
    synthetic: str = ""

    def __post_init__(self) -> None:
        choices = {"gene_join": GeneJoin, "species": Species, "study_kind": StudyKind}
        for name, kind in choices.items():
            value, known = getattr(self, name), get_args(kind)
            if value not in known and not (name == "species" and value is None):
                raise ArgumentError(f"'{name}' should be one of {list(known)}; got {value!r}.")


def plan_cells(
    source: "Cells | Sequence[Cells]",
    *,
    donor_key: str,
    sample_key: str,
    tissue_key: str | None = None,
    condition_key: str | None = None,
    population_key: str | None = None,
    sample_columns: Sequence[str] = (),
    layer: str | None = None,
    gene_join: GeneJoin = "intersection",
    species: Species | None = None,
    study_kind: StudyKind = "unsorted",
    sheet: "pd.DataFrame | None" = None,
) -> TallyPlan:
    """Decide which cell goes to which row of the tally and which column to which gene.

    Parameters
    ----------
    source
        AnnData, path (h5ad, zarr, 10x h5, mtx folder, loom, CSV/TSV), or a list of these.
    donor_key, sample_key
        Columns of ``obs`` (or, for the donor, of ``sheet``). ``sample_key="@file"`` takes each
        file as one sample. A sample is one piece of tissue of one donor.
    tissue_key, condition_key, population_key
        Columns, or None where there is only one level. Cells without a population are left out.
    sample_columns
        Further columns of ``obs``, constant within a sample, to carry along (age, batch).
    layer
        Layer with raw counts, ``"raw"`` for ``.raw``, None for ``X``.
    gene_join
        Genes of files that differ: ``intersection`` (the default: a gene that a file did not
        measure would look switched off there) or ``union``.
    species
        ``human``, ``mouse``, or None to find out from the gene names.
    study_kind
        Whether cells were sorted or subsampled: then composition means nothing.
    sheet
        Sample sheet: index sample, columns donor, age, and so on.

    Returns
    -------
    TallyPlan
        What goes where, and what is left out.

    Raises
    ------
    StudyError
        When labels are missing or contradict themselves, or species are mixed.
    CountsError
        When a matrix does not hold raw counts.
    MissingKeyError
        When a column or layer is not there.
    FileFormatError
        When a file is damaged.

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> import pandas as pd
    >>> cells = ad.AnnData(
    ...     np.array([[3, 0], [0, 1]]),
    ...     obs=pd.DataFrame({"who": ["d1", "d2"], "type": ["NK", "Treg"]}, index=["a", "b"]),
    ...     var=pd.DataFrame(index=["NCAM1", "FOXP3"]),
    ... )
    >>> plan = plan_cells(cells, donor_key="who", sample_key="who", population_key="type")
    >>> list(plan.rows.index)
    ['d1|NK', 'd2|Treg']
    """
    keys = CellKeys(
        donor_key, sample_key, tissue_key, condition_key, population_key, tuple(sample_columns)
    )
    options = PlanOptions(gene_join, species, study_kind)
    return plan_sources(open_sources(source, layer=layer), keys, options, sheet)


def plan_sources(
    sources: tuple[CellSource, ...],
    keys: CellKeys,
    options: PlanOptions,
    sheet: "pd.DataFrame | None" = None,
    cell_labels: "pd.DataFrame | None" = None,
) -> TallyPlan:
    """Plan the tally of sources that are open, as :func:`plan_cells` does.

    Parameters
    ----------
    sources
        The cells.
    keys
        Where their labels are.
    options
        Choices about genes and the study as a whole.
    sheet
        One row a sample: index sample.
    cell_labels
        One row a cell: index barcode, perhaps a column ``file``; wins over ``obs``.

    Returns
    -------
    TallyPlan
        What goes where, and what is left out.

    Raises
    ------
    TurncoatError
        As :func:`plan_cells`.
    """
    names = [source.name for source in sources]
    for source in sources:
        check_counts(source)
    named = [name_genes(s.name, features_of(s), options.species) for s in sources]
    genes, gene_codes, remarks = join_genes(named, names, options.gene_join)
    read = [read_labels(source, keys, sheet, cell_labels) for source in sources]
    labels = [one for one, _ in read]
    samples = sample_table(labels)
    sample_codes, sample_levels = shared_levels([one["sample"] for one in labels])
    refuse_repeated_cells([barcodes for _, barcodes in read], sample_codes, names)
    row_codes, rows = assign_rows(labels, samples, sample_codes, sample_levels)
    remarks = [*(r for one in named for r in one.remarks), *remarks]
    remarks += _unlabelled(sources, row_codes, keys.population)
    dropped = PlainTable.of_rows(
        TallyPlan.schema,
        [{"what": what, "n": n, "reason": reason} for what, n, reason in remarks],
    )
    meta = {
        "schema_version": SCHEMA_VERSION,
        "target_sum": TARGET_SUM,
        "species": named[0].species,
        "n_cells": int(sum((codes >= 0).sum() for codes in row_codes)),
        "study_kind": options.study_kind,
        "gene_ids": "symbol",
        "knowledge": f"gene_ids {card_of('gene_ids').sha256[:12]}",
        "synthetic": options.synthetic or "; ".join(dict.fromkeys(_synthetic(sources))),
    }
    if remarks:
        warn(_summary(remarks), DroppedDataWarning)
    return TallyPlan(
        sources, row_codes, with_sheet(rows, samples, sheet), gene_codes, genes, meta, dropped
    )


def _unlabelled(
    sources: tuple[CellSource, ...], row_codes: tuple[IntArray, ...], key: str | None
) -> list[tuple[str, int, str]]:
    return [
        ("cells", int((codes < 0).sum()), f"{source.name}: no population (column '{key}')")
        for source, codes in zip(sources, row_codes, strict=True)
        if (codes < 0).any()
    ]


def _synthetic(sources: tuple[CellSource, ...]) -> list[str]:
    return [source.synthetic for source in sources if source.synthetic]


def _summary(remarks: list[tuple[str, int, str]]) -> str:
    shown = "; ".join(f"{n:,} {what}: {reason}" for what, n, reason in remarks[:5])
    return f"Left out or merged: {shown}{' …' if len(remarks) > 5 else ''}."
