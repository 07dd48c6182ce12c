"""Labels read without pandas are those that pandas reads."""

from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.errors import FileFormatError
from turncoat.knowledge.registry import read_table
from turncoat.study import open_source
from turncoat.study.genes import numbers_by_symbol
from turncoat.study.labels import code_column
from turncoat.study.rows import distinct
from turncoat.study.sources.annotation import Coded, annotation_of, features_of

columns = st.lists(
    st.sampled_from(["d1", "d2", " d1", "", "NA", "7", "é"]), min_size=1, max_size=20
)


@given(columns, st.lists(st.booleans(), min_size=20, max_size=20))
def test_codes_and_levels_are_those_of_pandas(texts: list[str], missing: list[bool]) -> None:
    plain = np.array(texts, dtype=object)
    for one, other in [
        (Coded.of(plain), pd.Series(plain)),
        (_coded(texts, missing), pd.Series(_categorical(texts, missing))),
    ]:
        ours, theirs = code_column(one), code_column(other)
        assert ours.levels == theirs.levels
        assert ours.codes.tolist() == theirs.codes.tolist()


def _categorical(texts: list[str], missing: list[bool]) -> pd.Categorical:
    # One category occurs nowhere.
    values = [None if out else text for text, out in zip(texts, missing, strict=False)]
    return pd.Categorical(values, categories=["unused", *dict.fromkeys(texts)])


def _coded(texts: list[str], missing: list[bool]) -> Coded:
    made = _categorical(texts, missing)
    return Coded(made.codes, list(made.categories))


@given(st.lists(st.integers(-3, 40)), st.sampled_from([1, 30, 2**23]))
def test_distinct_numbers_are_told_apart_by_counting_and_by_sorting(
    numbers: list[int], bound: int
) -> None:
    expected = sorted({n for n in numbers if 0 <= n < bound})
    assert distinct(np.array(numbers, dtype=np.int64), bound).tolist() == expected


def store(path: Path, obs: dict[str, Any], var: dict[str, Any] | None = None) -> Path:
    cells = ad.AnnData(
        np.ones((3, 2), dtype=np.float32),
        obs=pd.DataFrame(obs, index=["a", "b", "c"]),
        var=pd.DataFrame(var or {}, index=["NCAM1", "FOXP3"]),
    )
    cells.write_h5ad(path)
    return path


def test_columns_of_any_kind_give_the_same_labels_either_way(tmp_path: Path) -> None:
    obs = {
        "text": ["x", "y", "z"],
        "category": pd.Categorical(["x", None, "x"]),
        "number": [3.0, 1.0, 3.0],
        "nullable": pd.array([1, None, 2], dtype="Int64"),
        "numbers": pd.Categorical([3, 1, 3]),
        "flag": [True, False, True],
    }
    source = open_source(store(tmp_path / "cells.h5ad", obs))
    stored, frame = annotation_of(source, list(obs)), source.read_obs(list(obs))
    assert stored.barcodes.tolist() == frame.index.tolist() == ["a", "b", "c"]
    for name in obs:
        ours, theirs = code_column(stored.columns[name]), code_column(frame[name])
        assert (ours.codes.tolist(), ours.levels) == (theirs.codes.tolist(), theirs.levels)


def test_ids_and_kinds_are_texts_whatever_they_are_stored_as(tmp_path: Path) -> None:
    kinds = pd.Categorical(["Gene Expression", "Gene Expression"])
    var = {"gene_ids": ["ENSG1", "ENSG2"], "feature_types": kinds}
    source = open_source(store(tmp_path / "cells.h5ad", {"x": [1, 2, 3]}, var))
    own = features_of(source)
    assert own.names.tolist() == source.genes.tolist() == ["NCAM1", "FOXP3"]
    assert own.ensembl.tolist() == source.var["ensembl"].tolist() == ["ENSG1", "ENSG2"]
    assert own.kinds.tolist() == ["Gene Expression"] * 2


def test_codes_beyond_their_categories_are_a_damaged_file(tmp_path: Path) -> None:
    path = store(tmp_path / "cells.h5ad", {"who": pd.Categorical(["x", "y", "x"])})
    with h5py.File(path, "r+") as file:
        file["obs/who/codes"][1] = 9
    with pytest.raises(FileFormatError, match=r"codes go beyond its 2 categories"):
        annotation_of(open_source(path), ["who"])


def test_the_table_of_genes_is_read_to_the_last_one() -> None:
    table = read_table("gene_ids")
    for species in ("human", "mouse"):
        own = table[table["species"].astype(str) == species]
        assert set(numbers_by_symbol(species)) == set(own["symbol"])
        once = own[~own["symbol"].duplicated(keep=False)]
        assert all(
            numbers_by_symbol(species)[s] == n
            for s, n in zip(once["symbol"], once["number"], strict=True)
        )
