"""Genes by one name, and the species they betray."""

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from study.cells import GENES, KEYS, dense, make_cells
from turncoat.errors import CountsError, DroppedDataWarning, StudyError
from turncoat.study import open_source, plan_cells
from turncoat.study.genes import symbols_by_id

MOUSE = ["Ncam1", "Foxp3", "Gzmb", "Tgfb1", "Cd8a", "Ms4a1", "Il2ra"]


def named(genes: list[str], **var: Any) -> ad.AnnData:
    cells = make_cells(genes=genes)
    for column, values in var.items():
        cells.var[column] = values
    return cells


def ids_of(symbols: list[str], species: Any = "human") -> list[str]:
    ids = {symbol: number for number, symbol in symbols_by_id(species).items()}
    return [ids[symbol] for symbol in symbols]


def test_the_bundled_table_knows_published_ids() -> None:
    # As printed in the Ensembl and GENCODE records of these genes.
    assert symbols_by_id("human")["ENSG00000049768"] == "FOXP3"
    assert symbols_by_id("human")["ENSG00000149294"] == "NCAM1"
    assert symbols_by_id("human")["ENSG00000102245"] == "CD40LG"
    assert symbols_by_id("mouse")["ENSMUSG00000039521"] == "Foxp3"
    assert all(symbols_by_id("human").values())
    assert all(symbols_by_id("mouse").values())
    assert symbols_by_id("mouse")["ENSMUSG00000064351"] == "mt-Co1"
    assert (
        len({symbol for symbol in symbols_by_id("mouse").values() if symbol.startswith("mt-")})
        == 13
    )


@pytest.mark.parametrize(("species", "symbols"), [("human", GENES), ("mouse", MOUSE)])
def test_ids_with_and_without_version_become_symbols(species: Any, symbols: list[str]) -> None:
    for version in ("", ".14"):
        plan = plan_cells(named([i + version for i in ids_of(symbols, species)]), **KEYS)
        assert list(plan.genes.index) == symbols
        assert list(plan.genes["ensembl"]) == ids_of(symbols, species)
        assert plan.meta["species"] == species


def test_mouse_is_told_from_human_by_its_symbols() -> None:
    plan = plan_cells(named(MOUSE), **KEYS)
    assert plan.meta["species"] == "mouse"
    assert plan.genes.loc["Foxp3", "ensembl"] == "ENSMUSG00000039521"


def test_ids_without_a_symbol_keep_the_id_and_this_is_said() -> None:
    unknown = "ENSG00000999999"
    with pytest.warns(
        DroppedDataWarning, match="1 gene names: adata: Ensembl ids without a symbol"
    ):
        plan = plan_cells(named([*GENES[:-1], unknown + ".1"]), **KEYS)
    assert plan.genes.loc[unknown, "ensembl"] == unknown


def test_duplicated_genes_share_a_code_and_are_reported() -> None:
    with pytest.warns(UserWarning, match="not unique"):
        cells = named(["FOXP3", "GZMB", "FOXP3", "CD8A", "GZMB-1", "HLA-A", "IL2RA"])
    with pytest.warns(DroppedDataWarning, match=r"2 duplicated genes: .*summed \(FOXP3, GZMB\)"):
        plan = plan_cells(cells, **KEYS)
    assert list(plan.genes.index) == ["FOXP3", "GZMB", "CD8A", "HLA-A", "IL2RA"]
    assert list(plan.gene_codes[0]) == [0, 1, 0, 2, 1, 3, 4]


def test_antibodies_are_left_out_and_reported() -> None:
    kinds = ["Gene Expression"] * 5 + ["Antibody Capture"] * 2
    with pytest.warns(DroppedDataWarning, match="2 features: adata: no genes"):
        plan = plan_cells(named(GENES, feature_types=kinds), **KEYS)
    assert list(plan.gene_codes[0]) == [0, 1, 2, 3, 4, -1, -1]
    with pytest.raises(CountsError, match="has no gene: every feature is"):
        plan_cells(named(GENES, feature_types=["Antibody Capture"] * 7), **KEYS)


def test_biotypes_in_the_column_of_kinds_are_genes() -> None:
    biotypes = ["protein_coding", "lncRNA", "gene", "", "Gene Expression", "misc_RNA", "HTO"]
    with pytest.warns(DroppedDataWarning, match="1 features: adata: no genes"):
        plan = plan_cells(named(GENES, feature_type=biotypes), **KEYS)
    assert list(plan.gene_codes[0]) == [0, 1, 2, 3, 4, 5, -1]


@pytest.mark.parametrize(
    "genes",
    [
        [*GENES[:4], *MOUSE[:3]],
        [*ids_of(GENES[:4]), *ids_of(MOUSE[:3], "mouse")],
        [*(f"GRCh38_{g}" for g in GENES[:4]), *(f"mm10___{g}" for g in MOUSE[:3])],
    ],
)
def test_mixed_species_are_refused(genes: list[str]) -> None:
    with pytest.raises(StudyError, match="mixes human and mouse genes"):
        plan_cells(named(genes), **KEYS)


def test_files_of_two_species_are_refused() -> None:
    with pytest.raises(StudyError, match="adata has human genes but adata has mouse genes"):
        plan_cells([named(GENES), named(MOUSE)], **KEYS)


def test_one_transgene_does_not_make_a_mouse_file_mixed() -> None:
    human = set(symbols_by_id("human").values())
    many = [symbol for symbol in symbols_by_id("mouse").values() if symbol not in human]
    plan = plan_cells(named([*many[:60], "FOXP3"]), **KEYS)
    assert plan.meta["species"] == "mouse"


def test_a_genome_prefix_is_taken_off() -> None:
    plan = plan_cells(named([f"GRCh38_{gene}" for gene in GENES]), **KEYS)
    assert list(plan.genes.index) == GENES


def test_unknown_names_need_a_stated_species_and_a_wrong_one_is_refused() -> None:
    made_up = [f"gene{i}" for i in range(7)]
    with pytest.raises(StudyError, match=r"no gene name is a known .*state the species"):
        plan_cells(named(made_up), **KEYS)
    assert plan_cells(named(made_up), **KEYS, species="mouse").meta["species"] == "mouse"
    with pytest.raises(StudyError, match=r"has human genes .* but the species stated is mouse"):
        plan_cells(named(GENES), **KEYS, species="mouse")
    with pytest.raises(StudyError, match=r"another species .ENSRNOG"):
        plan_cells(named(["ENSRNOG00000000001", *GENES[1:]]), **KEYS)


def test_ids_of_the_file_are_kept_beside_its_symbols() -> None:
    stated = ["ENSG00000000001.3", *[""] * 6]
    plan = plan_cells(named(GENES, gene_ids=stated), **KEYS)
    assert plan.genes["ensembl"].iloc[0] == "ENSG00000000001"
    assert plan.genes.loc["FOXP3", "ensembl"] == "ENSG00000049768"


def test_raw_has_its_own_genes() -> None:
    cells = make_cells()
    cells.raw = cells
    few = cells[:, :3].copy()
    few.X = np.log1p(few.X)
    source = open_source(few, layer="raw")
    assert list(source.genes) == GENES
    np.testing.assert_array_equal(dense(source, 7), cells.X)
    assert isinstance(source.obs, pd.DataFrame)
