"""Declared tables and their way through h5ad."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from turncoat.errors import MissingKeyError, TableError
from turncoat.tables import Column, TableSchema, restore, store

SCHEMA = TableSchema(
    columns=(
        Column("population", "text", "", "Cell population."),
        Column("n_donors", "whole", "donors", "Donors."),
        Column("pvalue", "real", "", "p-value."),
        Column("robust", "flag", "", "Whether it holds without any one donor."),
    ),
    key=("population",),
)


@dataclass(frozen=True, slots=True)
class Finding:
    table: pd.DataFrame
    dropped: pd.DataFrame
    params: dict[str, object]
    names: tuple[str, ...]
    scores: np.ndarray
    note: str

    schema: ClassVar[TableSchema] = SCHEMA


def make(n: int) -> Finding:
    rows = {
        "population": [f"p{i}" for i in range(n)],
        "n_donors": list(range(n)),
        "pvalue": [np.nan] * n,
        "robust": [i % 2 == 0 for i in range(n)],
    }
    return Finding(
        SCHEMA.build(rows), SCHEMA.build([]), {"fdr": 0.05}, ("a", "b"), np.arange(3.0), "x"
    )


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_result_survives_h5ad(tmp_path: Path, n: int) -> None:
    adata = ad.AnnData(np.ones((1, 1), dtype=np.float32))
    before = make(n)
    store(adata, "finding", before)
    adata.write_h5ad(tmp_path / "a.h5ad")
    after = restore(ad.read_h5ad(tmp_path / "a.h5ad"), "finding", Finding)
    pd.testing.assert_frame_equal(after.table, before.table)
    pd.testing.assert_frame_equal(after.dropped, before.dropped)
    np.testing.assert_array_equal(after.scores, before.scores)
    assert (after.params, after.names, after.note) == (before.params, before.names, before.note)


def test_a_schema_refuses_what_it_did_not_declare() -> None:
    table = SCHEMA.build({"population": ["a"], "n_donors": [1], "pvalue": [0.1], "robust": [True]})
    SCHEMA.check(table)
    with pytest.raises(TableError, match="not declared: \\['more'\\]"):
        SCHEMA.check(table.assign(more=1))
    with pytest.raises(TableError, match="should hold whole values"):
        SCHEMA.check(table.assign(n_donors=1.5))
    with pytest.raises(TableError, match="should be unique"):
        SCHEMA.check(pd.concat([table, table]))


def test_an_absent_result_is_named() -> None:
    adata = ad.AnnData(np.ones((1, 1), dtype=np.float32))
    store(adata, "allegiance", make(1))
    with pytest.raises(MissingKeyError, match="Did you mean 'allegiance'"):
        restore(adata, "alegiance", Finding)
    with pytest.raises(TableError, match="cannot contain '/'"):
        store(adata, "a/b", make(1))
