"""What became of the cells: quality per sample, and everything that was left out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from turncoat.plain_table import PlainTable, pack_plain
from turncoat.study import TallyPlan
from turncoat.tables import Column, IntArray, TableSchema, pack_table
from turncoat.tally.partial import Piece

if TYPE_CHECKING:
    import pandas as pd

#: Under which name a tally keeps its account.
ACCOUNT_KEY = "cell_account"


@dataclass(frozen=True, slots=True)
class CellAccount:
    """What the tally counted, sample by sample, and what it left out.

    Parameters
    ----------
    quality
        Quality of the counted cells of each sample.
    dropped
        What was left out or merged, how much, and why.
    params
        How the cells were normalised and counted.
    """

    quality: "pd.DataFrame"
    dropped: "pd.DataFrame"
    params: dict[str, Any]

    quality_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("n_cells", "whole", "cells", "Cells counted."),
            Column("n_empty", "whole", "cells", "Counted cells without a single count."),
            Column("median_counts", "real", "counts", "Median library size."),
            Column("median_genes", "real", "genes", "Median number of genes detected."),
            Column("median_mito", "real", "", "Median share of mitochondrial counts."),
            Column("high_mito", "real", "", "Share of cells with over a fifth mitochondrial."),
        ),
        key=("sample",),
    )

    def __post_init__(self) -> None:
        self.quality_schema.check(self.quality)
        TallyPlan.schema.check(self.dropped)


#: Above this share of mitochondrial counts a cell is taken for dying: the usual cut for human
#: tissue (Osorio and Cai 2021, Bioinformatics 37:963, found 5 to 20 % by tissue).
HIGH_MITO = 0.2


def packed_account(plan: TallyPlan, pieces: Sequence[Piece]) -> dict[str, Any]:
    """Give the account of a finished count as a tally stores it: :class:`CellAccount`, packed."""
    left_out = plan.left_out
    if isinstance(left_out, PlainTable):
        dropped = pack_plain(left_out, TallyPlan.schema)
    else:
        dropped = pack_table(left_out)
    fields = {
        "quality": pack_plain(quality_table(plan, pieces), CellAccount.quality_schema),
        "dropped": dropped,
        "params": json.dumps({"target_sum": float(plan.meta["target_sum"])}),
    }
    return {"class": CellAccount.__name__, "fields": fields}


def quality_table(plan: TallyPlan, pieces: Sequence[Piece]) -> PlainTable:
    """Sum up per sample what was measured per cell."""
    samples = np.asarray(plan.row_table["sample"]).astype(str)
    names, sample_of_row = np.unique(samples, return_inverse=True)
    codes = [plan.row_codes[piece.source][piece.first : piece.done] for piece in pieces]
    kept = [own >= 0 for own in codes]
    sample = np.concatenate(
        [sample_of_row[own[chosen]] for own, chosen in zip(codes, kept, strict=True)]
    )
    order = np.argsort(sample, kind="stable")
    measured = np.concatenate(
        [
            piece.measures[: piece.done - piece.first][chosen]
            for piece, chosen in zip(pieces, kept, strict=True)
        ]
    )[order]
    ends = np.searchsorted(sample[order], np.arange(names.size), side="right")
    begins = np.concatenate([[0], ends[:-1]])
    rows = [
        _quality(str(name), measured[begin:end])
        for name, begin, end in zip(names, begins.tolist(), ends.tolist(), strict=True)
    ]
    return PlainTable.of_rows(CellAccount.quality_schema, rows)


def _quality(sample: str, measured: IntArray) -> dict[str, Any]:
    library, genes, mito = measured.T
    nan = float("nan")
    filled = library > 0
    share = mito[filled] / library[filled]
    return {
        "sample": sample,
        "n_cells": library.size,
        "n_empty": int((~filled).sum()),
        "median_counts": float(np.median(library)) if library.size else nan,
        "median_genes": float(np.median(genes)) if genes.size else nan,
        "median_mito": float(np.median(share)) if share.size else nan,
        "high_mito": float((share > HIGH_MITO).mean()) if share.size else nan,
    }
