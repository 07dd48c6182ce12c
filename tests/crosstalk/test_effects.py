"""Whom a signal serves: the curated table, and what it says of edges."""

import numpy as np
import pandas as pd
import pytest

from turncoat.crosstalk.effects import CHECKED, edge_effects, kind_of_receiver
from turncoat.crosstalk.pairs import find_pairs
from turncoat.errors import KnowledgeError
from turncoat.knowledge.registry import read_table

POPULATIONS = ("Tumour", "CD8 T", "Treg", "Macrophage", "Erythroid", "cDC1")


def effect(ligand: str, receptor: str, receiver: str, species: str = "human") -> tuple[str, str]:
    genes = [*ligand.split("_"), *receptor.split("_")]
    pairs = find_pairs(genes, species, pd.DataFrame({"ligand": [ligand], "receptor": [receptor]}))
    number = np.array([POPULATIONS.index(receiver)])
    effects, sources, _ = edge_effects(pairs, POPULATIONS, number, np.array([0]))
    return str(effects[0]), str(sources[0])


@pytest.mark.parametrize(
    ("population", "kind"),
    [
        ("Malignant", "tumour"),
        ("tS2", "tumour"),
        ("Cancer epithelial", "tumour"),
        ("cancer-associated fibroblast", "fibroblast"),
        ("tumour-associated macrophage", "myeloid"),
        ("T regs", "Treg"),
        ("NK immature", "killer"),
        ("Exhausted CD8+ T", "killer"),
        ("CD4+ Th", "helper"),
        ("mregDC", "dendritic"),
        ("Microglia/Mac", "myeloid"),
        ("myCAF", "fibroblast"),
        ("tip-like ECs", "endothelial"),
        ("Erythroid", ""),
        ("cluster 7", ""),
    ],
)
def test_kind_of_receiver(population: str, kind: str) -> None:
    assert kind_of_receiver(population) == kind


@pytest.mark.parametrize(
    ("ligand", "receptor", "receiver", "expected", "source"),
    [
        ("WNT3A", "FZD7_LRP5", "Tumour", "pro_tumour", "Malanchi 2008"),
        ("WNT5A", "FZD5", "Tumour", "unknown", ""),
        ("WNT3A", "FZD7_LRP5", "CD8 T", "unknown", ""),
        ("IFNG", "IFNGR1_IFNGR2", "Tumour", "anti_tumour", "Kaplan 1998"),
        ("IL2", "IL2RA_IL2RB_IL2RG", "CD8 T", "anti_tumour", "Rosenberg 2014"),
        ("IL2", "IL2RA_IL2RB_IL2RG", "Treg", "pro_tumour", "Fontenot 2005"),
        ("CD80", "CTLA4", "Treg", "pro_tumour", "Leach 1996"),
        ("CSF1", "CSF1R", "Macrophage", "pro_tumour", "Ries 2014"),
        ("XCL1", "XCR1", "cDC1", "anti_tumour", "Bottcher 2018"),
        ("TGFB1", "CAV1", "CD8 T", "unknown", ""),
        ("CSF1", "CSF1R", "Erythroid", "unknown", ""),
    ],
)
def test_effect_depends_on_who_receives(
    ligand: str, receptor: str, receiver: str, expected: str, source: str
) -> None:
    found, who = effect(ligand, receptor, receiver)
    assert found == expected
    assert source in who
    assert bool(who) == (expected != "unknown")


def test_mouse_signals_have_the_same_effect() -> None:
    assert effect("Ifng", "Ifngr1_Ifngr2", "Tumour", "mouse")[0] == "anti_tumour"


def test_own_pairs_may_state_their_effect() -> None:
    own = pd.DataFrame({"ligand": ["IFNG", "WNT3A"], "receptor": ["IFNGR1", "FZD7_LRP5"]})
    genes = ["IFNG", "IFNGR1", "WNT3A", "FZD7", "LRP5"]
    pairs = find_pairs(genes, "human", own.assign(effect=["pro_tumour", ""]))
    effects, sources, _ = edge_effects(pairs, ("Tumour",), np.array([0, 0]), np.array([0, 1]))
    assert list(effects) == ["pro_tumour", "pro_tumour"]
    assert sources[0] == "the study's own table of pairs"
    assert "Malanchi" in str(sources[1])
    with pytest.raises(KnowledgeError, match="Row 1 of the table of pairs has the effect 'bad'"):
        find_pairs(genes, "human", own.assign(effect=["unknown", "bad"]))


def test_every_rule_has_a_source_and_a_pair() -> None:
    rules, signals = read_table("signal_effects"), read_table("signals")
    assert rules["source"].str.contains(r"[A-Z][\w\- ]+ (?:19|20)\d\d").all()
    assert set(rules["effect"]) == {"pro_tumour", "anti_tumour"}
    assert not rules.duplicated(["ligand", "receptor", "receiver"]).any()
    human = set(zip(signals["ligand"], signals["receptor"], strict=True))
    assert {(a, b) for a, b in zip(rules["ligand"], rules["receptor"], strict=True)} <= human
    assert set(signals["effect"]) <= {"pro_tumour", "anti_tumour", "by receiver", "unknown"}
    assert (signals.loc[signals["effect"] != "unknown", "effect_source"] != "").all()
    # What experiments show both ways stays unknown.
    contested = signals[(signals["caution"] != "") & signals["ligand"].isin(["WNT5A", "IL10"])]
    assert (contested["effect"] == "unknown").all()


@pytest.mark.parametrize(
    ("ligand", "receptor", "receiver", "checked"),
    [("ANGPT2", "TEK", "endothelial cells", "unchecked"), ("TGFB1", "CAV1", "CD8 T", "")],
)
def test_an_effect_says_whether_data_bear_it_out(
    ligand: str, receptor: str, receiver: str, checked: str
) -> None:
    pairs = find_pairs(
        [ligand, receptor], "human", pd.DataFrame({"ligand": [ligand], "receptor": [receptor]})
    )
    said = edge_effects(pairs, (receiver,), np.array([0]), np.array([0]))[2]
    assert list(said) == [checked]


def test_every_sign_of_the_bundled_table_says_whether_it_was_checked() -> None:
    rules = read_table("signal_effects")
    assert set(rules["checked"]) == set(CHECKED)
