"""The bundled tables: whole, sourced, and saying what they should."""

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import turncoat as tc
from turncoat import knowledge
from turncoat.errors import ArgumentError, KnowledgeError, MissingKeyError
from turncoat.knowledge import registry
from turncoat.knowledge.vocabulary import MATCH_SCHEMA, normal_form

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "gse131907_luad_subset.h5ad"


def test_every_table_is_whole_and_has_a_card() -> None:
    verdicts = knowledge.verify_all()
    assert verdicts["ok"].all(), verdicts.loc[~verdicts["ok"], "problem"].tolist()
    assert {"programmes", "populations", "publications", "orthologs", "lung_niches"} <= set(
        verdicts["name"]
    )
    carded = {card.path.resolve() for card in knowledge.catalogue().values()}
    shelved = {p.resolve() for p in registry.SHELF.iterdir() if not p.name.endswith(".card.json")}
    assert shelved <= carded


def test_a_damaged_table_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.csv").write_text("a\n1\n", encoding="utf-8")
    card = {"name": "broken", "file": "broken.csv", "sha256": "0" * 64}
    card |= dict.fromkeys(("description", "source", "version", "licence", "date"), "test")
    (tmp_path / "broken.card.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(registry, "SHELF", tmp_path)
    registry.catalogue.cache_clear()
    try:
        verdict = knowledge.verify_all().iloc[0]
        assert not verdict["ok"]
        assert "damaged" in verdict["problem"]
        with pytest.raises(KnowledgeError, match="checksum"):
            knowledge.read_table("broken")
    finally:
        registry.catalogue.cache_clear()


def test_programmes_are_programmes() -> None:
    table = knowledge.read_table("programmes")
    sizes = table[table["species"] == "human"].groupby(["population", "axis"]).size()
    assert sizes.between(8, 20).all()
    assert not table.duplicated(["population", "axis", "gene", "species"]).any()
    sides = table.groupby(["population", "species", "gene"])["axis"].nunique()
    assert (sides == 1).all(), "a gene cannot speak for both sides of one population"
    assert set(table["publication"]) <= set(knowledge.read_table("publications")["key"])
    assert set(table["population"]) <= set(knowledge.populations()["population"])
    needed = {"NK", "Treg", "CD8 T", "CD4 T", "Macrophage", "Monocyte", "Neutrophil", "B"}
    assert needed | {"Plasma", "Dendritic", "Mast"} <= set(table["population"])


@pytest.mark.parametrize(
    ("population", "lineage"),
    [
        ("NK", {"NCAM1", "KLRD1", "KLRF1", "NCR1", "KLRB1", "TYROBP", "FCER1G"}),
        ("Treg", {"FOXP3", "CD3D", "CD4"}),
        ("CD8 T", {"CD8A", "CD8B", "CD3D"}),
        ("Macrophage", {"CD14", "CD68", "LYZ", "C1QA", "CD163"}),
        ("B", {"CD19", "MS4A1", "CD79A"}),
        ("Mast", {"KIT", "TPSAB1", "CPA3", "MS4A2"}),
    ],
)
def test_programmes_leave_out_what_marks_the_lineage(population: str, lineage: set[str]) -> None:
    assert not lineage & set(knowledge.programmes(population)["gene"])


def test_mouse_programmes_use_mouse_symbols() -> None:
    mouse = knowledge.programmes("NK", species="mouse")
    assert {"Gzmb", "Prf1", "Nr4a1", "Socs3"} <= set(mouse["gene"])
    assert "GZMB" not in set(mouse["gene"])


def test_programme_of_an_unknown_population_or_species_is_refused() -> None:
    with pytest.raises(MissingKeyError, match="Did you mean 'NK'"):
        knowledge.programmes("Nk")
    with pytest.raises(ArgumentError, match="human or mouse"):
        knowledge.programmes("NK", species="rat")  # type: ignore[arg-type]


def test_the_built_in_panel_covers_the_programmes_it_is_used_for() -> None:
    coverage = knowledge.programme_coverage(tc.ds.lung_niches().var_names)
    coverage = coverage[coverage["population"] != "Neutrophil"]  # the study has no neutrophils
    assert (coverage["coverage"] >= 0.6).all()


def test_publications_have_no_invented_identifier_form() -> None:
    identifiers = knowledge.read_table("publications")["identifier"]
    given = identifiers[identifiers != ""]
    assert given.str.match(r"^(doi:10\.\d{4,9}/\S+|PMID:\d+|PMC\d+)$").all()


@pytest.mark.parametrize(
    ("label", "population"),
    [
        ("NK cells", "NK"), ("NK", "NK"), ("Natural killer", "NK"), ("NK_cells", "NK"),
        ("T lymphocytes", "T"), ("T_lymphocytes", "T"), ("CD8+ T cells", "CD8 T"),
        ("Treg", "Treg"), ("T-regs", "Treg"), ("Regulatory T cells", "Treg"),
        ("MAST_cells", "Mast"), ("mo-Mac", "Macrophage"), ("CAFs", "Fibroblast"),
        ("Plasmablasts", "Plasma"), ("Tumor cells", "Malignant"), ("γδ T cells", "Gamma-delta T"),
        ("Follicular_B_cells", "B"), ("pDC", "pDC"), ("CD141+_DCs", "cDC1"), ("TAMs", "Macrophage"),
    ],
)  # fmt: skip
def test_labels_of_the_field_are_understood(label: str, population: str) -> None:
    assert knowledge.match_population(label).population == population


def test_every_state_of_the_built_in_study_has_a_population() -> None:
    states = tc.ds.lung_niches().obs["cell_state"].unique()
    table = knowledge.match_labels(states)
    assert (table["population"] != "").all(), table[table["population"] == ""]
    MATCH_SCHEMA.check(table)


def test_a_label_nobody_knows_is_not_guessed() -> None:
    match = knowledge.match_population("cluster 7")
    assert match.population is None
    near = knowledge.match_population("neutrophiles")
    assert near.population is None
    assert near.suggestions[0] == "Neutrophil"


def test_no_synonym_means_two_populations() -> None:
    seen: dict[str, str] = {}
    for name, synonyms in (
        knowledge.populations()[["population", "synonyms"]].astype(str).to_numpy()
    ):
        for synonym in [name, *synonyms.split("|")]:
            form = normal_form(synonym)
            assert seen.setdefault(form, name) == name, synonym


def test_orthologs_keep_one_to_many() -> None:
    table = knowledge.read_table("orthologs")
    assert table.loc[table["human"] == "GZMB", "n_mouse"].iloc[0] > 1
    assert table.loc[table["human"] == "IFNG", "mouse"].tolist() == ["Ifng"]
    assert not table.duplicated(["human", "mouse"]).any()


def test_the_built_in_study_is_what_it_says() -> None:
    cells = tc.ds.lung_niches()
    assert cells.shape == (6172, 4869)
    assert np.array_equal(cells.X.data, np.round(cells.X.data))
    assert list(cells.obs.columns) == ["donor", "sample", "tissue", "cell_type", "cell_state"]
    lungs = cells.obs[cells.obs["tissue"].isin(["tLung", "nLung"])]
    pairs = lungs.groupby("donor", observed=True)["tissue"].nunique()
    assert (pairs == 2).sum() == 10
    assert cells.obs.groupby("sample", observed=True)["donor"].nunique().max() == 1
    assert "subsampled" in cells.uns["about"]["caveats"]
    path = tc.ds.lung_niches_study().with_name("cells.h5ad")
    assert path.stat().st_size <= 10_000_000


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_file(), reason="the shared copy of GSE131907 is not here")
def test_the_built_in_study_equals_the_copy_it_was_converted_from() -> None:
    ours, theirs = tc.ds.lung_niches(), ad.read_h5ad(SHARED)
    theirs = theirs[ours.obs_names, ours.var_names]
    assert abs(ours.X - theirs.X).nnz == 0
    for column in ("cell_state", "cell_type"):
        assert (ours.obs[column].astype(str) == theirs.obs[column].astype(str)).all()
