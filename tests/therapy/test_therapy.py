"""Drugs with a direction and a true status: what is offered, flagged, refused."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import anndata as ad
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from turncoat.errors import ArgumentError, KnowledgeError, MissingKeyError, TableError
from turncoat.knowledge.registry import SHELF, card_of, read_table
from turncoat.report.sections.therapy import _tables
from turncoat.tables import restore
from turncoat.therapy import Therapy, drugs, plot, therapy
from turncoat.therapy.catalogue import CUTS, DRUGS, check_drugs, is_gene, status_for
from turncoat.therapy.matching import Cut, direction_of
from turncoat.therapy.ranking import ORDER, STATUS_PART

TNBC = "triple-negative breast cancer"
ROOT = Path(__file__).parents[2]


def edge(sender: str, ligand: str, receiver: str, receptor: str, **more: Any) -> dict[str, Any]:
    told = {"verdict": "gained", "effect": "pro_tumour", "tissue": "tumour"}
    return (
        {"sender": sender, "ligand": ligand, "receiver": receiver, "receptor": receptor}
        | told
        | more
    )


def ask(*edges: dict[str, Any], **options: Any) -> Therapy:
    options = {"cancer": TNBC, "key_added": None} | options
    return therapy(ad.AnnData(), edges=pd.DataFrame(list(edges)), **options)


WNT = edge("NK", "WNT2", "Malignant", "FZD5_LRP6")
PD1 = edge("Malignant", "CD274", "CD8 T", "PDCD1")


def test_lgk974_is_approved_nowhere() -> None:
    rows = drugs()
    names = rows["drug"] + "; " + rows["synonyms"]
    mine = rows[names.str.upper().str.contains("LGK-?974|WNT-?974", regex=True)]
    assert not mine.empty
    assert not mine["status"].str.contains("approved").any()
    guide = read_table("drugs_guide")
    raw = guide[guide["drug"].str.upper().str.contains("LGK|WNT974", regex=True)]
    assert set(raw["status"]) == {"not_stated"}
    table = ask(WNT).table
    assert set(table.loc[table["drug"] == "LGK974", "status"]) == {"investigational(phase 1)"}


@pytest.mark.parametrize(
    ("ligand", "receptor", "target", "is_cut"),
    [
        ("IL1B", "IL1R1_IL1RAP", "IL1R1", True),
        ("IL10", "IL10RA_IL10RB", "IL1R1", False),
        ("TGFB1", "TGFBR2", "TGFBR1", True),
        ("TGFBI", "ITGAV_ITGB3", "TGFBR1", False),
        ("WNT7A", "FZD5_LRP6", "PORCN", True),
    ],
)
def test_a_family_is_its_members_not_a_beginning(
    ligand: str, receptor: str, target: str, *, is_cut: bool
) -> None:
    table = ask(edge("Macrophage", ligand, "Malignant", receptor)).table
    assert (target in set(table["target"])) == is_cut


def test_no_porcn_inhibitor_is_approved() -> None:
    rows = drugs()
    assert not rows.loc[rows["target"] == "PORCN", "status"].str.contains("approved").any()


def test_atezolizumab_is_withdrawn_in_one_region_for_one_disease() -> None:
    table = ask(PD1).table
    rows = table[table["drug"] == "atezolizumab"].set_index("indication")
    withdrawn = rows.loc["metastatic triple-negative breast cancer that makes PD-L1"]
    assert withdrawn["status"] == "approval_withdrawn(United States, 2021-08-27)"
    other = rows.loc["cancers other than metastatic triple-negative breast cancer"]
    assert other["status"] == "approved_other_cancer"


def test_porcn_inhibitors_come_first_for_nk_wnt() -> None:
    table = ask(WNT, PD1).table
    mine = table[table["ligand"] == "WNT2"]
    before_receptor = mine[mine["level"].isin(["synthesis and secretion", "ligand"])]
    assert before_receptor.iloc[0]["target"] == "PORCN"
    assert before_receptor.iloc[0]["status"].startswith("investigational")
    assert mine.iloc[0]["target"] == "PORCN"
    assert "WNT5A" in mine.iloc[0]["reach"]
    assert "taste" in str(mine.set_index("drug").loc["LGK974", "toxicities"])
    assert "bone" in str(mine.set_index("drug").loc["RXC004", "toxicities"])


def test_pd_l1_offers_what_is_approved_with_indication_and_region() -> None:
    table = ask(PD1).table
    first = table.iloc[0]
    assert (first["drug"], first["status"]) == ("pembrolizumab", "approved_for_this_cancer")
    assert first["region"] == "United States"
    assert "triple-negative" in first["indication"]
    elsewhere = ask(PD1, cancer="lung adenocarcinoma").table
    assert not (elsewhere["status"] == "approved_for_this_cancer").any()


def test_an_agonist_feeds_and_is_flagged() -> None:
    table = ask(edge("Macrophage", "CXCL12", "Treg", "CXCR4")).table
    feeding = table[table["direction"] == "feeds"]
    assert feeding["is_harmful"].all()
    assert feeding["action"].str.contains("agonist").all()
    assert feeding["warning"].str.contains("feed the signal").all()
    assert table.loc[~table["is_harmful"], "rank"].max() < feeding["rank"].min()


def test_cutting_a_protective_signal_is_harmful() -> None:
    table = ask(edge("NK", "IL2", "CD8 T", "IL2RA", effect="anti_tumour")).table
    cutting = table[table["direction"] == "cuts"]
    assert cutting["is_harmful"].all()
    assert cutting["warning"].str.contains("protects the patient").all()


def test_a_drug_that_harms_one_finding_says_so_at_all_of_them() -> None:
    helped = edge("Malignant", "CXCL9", "Treg", "CXCR3")
    harmed = edge("Macrophage", "CXCL9", "CD8 T", "CXCR3", effect="anti_tumour")
    found = ask(helped, harmed)
    table = found.table[found.table["direction"] == "cuts"]
    mine = table[table["receiver"] == "Treg"]
    shared = mine["drug"].isin(table.loc[table["receiver"] == "CD8 T", "drug"])
    assert shared.any()
    told = mine.loc[shared, "harmful_elsewhere"]
    assert told.str.contains("CD8 T CXCR3.*cutting it would help the tumour").all()
    assert not mine["is_harmful"].any()  # in itself it is not
    assert (mine.loc[~shared, "harmful_elsewhere"] == "").all()
    alone = ask(helped).table
    assert (alone["harmful_elsewhere"] == "").all()
    shown = "".join(str(each.frame.to_dict()) for each in _tables(found))
    assert "cuts, harmful elsewhere" in shown


@pytest.mark.parametrize(
    ("checked", "said"),
    [("unchecked", "unchecked"), ("disagrees", "SecAct disagrees"), ("agrees", "")],
)
def test_a_warning_says_what_its_sign_rests_on(checked: str, said: str) -> None:
    harmed = edge(
        "Macrophage", "CXCL9", "CD8 T", "CXCR3", effect="anti_tumour", effect_checked=checked
    )
    table = ask(harmed).table
    warnings = table.loc[table["is_harmful"], "warning"]
    assert len(warnings)
    assert warnings.str.contains(said, regex=False).all()
    assert warnings.str.contains("whom it serves").all() == bool(said)


def test_the_sign_turns_with_every_turned_part() -> None:
    helps = Cut("receptor", "X1", promotes=True, needs="", reach="")
    hinders = Cut("receptor", "X1", promotes=False, needs="", reach="")
    assert [direction_of(e, helps) for e in ("blocks", "activates", "depletes")] == [
        "cuts",
        "feeds",
        "cuts",
    ]
    assert [direction_of(e, hinders) for e in ("blocks", "activates")] == ["feeds", "cuts"]
    assert direction_of("unclear", helps) == "unclear"
    removal = Cut("the cell", "CCR8", promotes=True, needs="depletes", reach="")
    assert [direction_of(e, removal) for e in ("depletes", "blocks")] == ["cuts", "unclear"]


def test_a_wnt_antagonist_is_not_a_wnt() -> None:
    table = ask(edge("Fibroblast", "DKK1", "Malignant", "LRP6")).table
    assert "PORCN" not in set(table["target"])


def test_switched_populations_are_reached_through_the_cell() -> None:
    table = ask(WNT, switched=["Treg", "NK"]).table
    treg = table[(table["sender"] == "Treg") & (table["direction"] == "cuts")]
    assert {"CCR8", "CCR4"} <= set(treg["target"])
    assert treg.loc[treg["target"] == "CCR8", "status"].str.startswith("investigational").all()
    nk = table[(table["sender"] == "NK") & (table["kind"] == "population")]
    assert nk["warning"].str.contains("guard lymph nodes").all()


def test_order_follows_named_parts_and_nothing_else() -> None:
    table = ask(WNT, PD1, switched=["NK"]).table
    keys = [(not row["is_harmful"], *(row[part] for part in ORDER)) for _, row in table.iterrows()]
    assert keys == sorted(keys, reverse=True)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table.loc[table["kind"] == "edge", "would_change"].str.contains("sender alone").all()


def test_row_order_does_not_matter() -> None:
    forth, back = ask(WNT, PD1).table, ask(PD1, WNT).table
    pd.testing.assert_frame_equal(forth, back)


def test_combinations_cut_one_edge_twice_or_two_edges_once() -> None:
    second = edge("Fibroblast", "WNT5A", "Malignant", "FZD5")
    found = ask(WNT, second).combinations
    assert set(found["kind"]) == {"one edge twice", "two edges once"}
    both = found[found["kind"] == "two edges once"]
    assert both["first"].str.contains("PORCN").any()
    assert not found["first"].str.contains("agonist").any()


def test_contested_ligands_say_so() -> None:
    table = ask(edge("Fibroblast", "WNT5A", "Malignant", "FZD5")).table
    assert table["warning"].str.contains("Borcherding").all()


def test_what_no_drug_reaches_is_listed() -> None:
    found = ask(edge("B", "ZZZ1", "NK", "ZZZ2"))
    assert found.table.empty
    assert found.unreached["reason"].tolist() == ["no drug in the tables acts on its genes"]


def test_a_result_survives_storing() -> None:
    tally = ad.AnnData()
    told = therapy(tally, edges=pd.DataFrame([WNT]), cancer=TNBC)
    pd.testing.assert_frame_equal(restore(tally, "therapy", Therapy).table, told.table)


def test_no_row_advises_a_dose_or_a_treatment() -> None:
    rows = drugs()
    text = " ".join(
        rows[column].str.cat(sep=" ") for column in ("note", "toxicities", "indication")
    )
    assert not re.search(r"\d\s*mg|recommend|should (?:be )?(?:take|given)", text)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ligand": "not a gene"}, ArgumentError, "is not a human gene symbol"),
        ({"receptor": "Fzd5"}, ArgumentError, "mouse genes need their human orthologs"),
        ({"ligand": ""}, ArgumentError, "is not a human gene symbol"),
        ({"effect": "bad"}, ArgumentError, "must be one of"),
    ],
)
def test_bad_edges_are_refused(
    change: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(WNT | change)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingKeyError, match="no column 'receptor'"):
        therapy(ad.AnnData(), edges=pd.DataFrame([WNT]).drop(columns="receptor"))


def own_row(**changes: str) -> pd.DataFrame:
    row = {
        "drug": "D", "synonyms": "", "target": "WNT2", "action": "antibody", "effect": "blocks",
        "indication": "x", "disease": "x", "region": "x", "status": "investigational", "phase": "1",
        "status_date": "2024", "source": "a paper", "evidence": "verified", "toxicities": "",
        "trials": "", "note": "",
    }  # fmt: skip
    return pd.DataFrame([row | changes])[DRUGS.names]


def test_own_drugs_join_the_shelf() -> None:
    assert "D" in set(ask(WNT, own_drugs=own_row()).table["drug"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": " "}, "has no source"),
        ({"status": "nearly approved"}, "has a status outside"),
        ({"effect": "helps"}, "has an effect outside"),
        ({"target": "the ligand"}, "target that is not a gene symbol"),
        ({"status_date": "lately"}, "has no date"),
        ({"evidence": "sure"}, "has evidence outside"),
    ],
)
def test_rows_that_nothing_should_rest_on_are_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        ask(WNT, own_drugs=own_row(**change))


def test_two_statuses_for_one_indication_and_region_are_refused() -> None:
    with pytest.raises(TableError, match="should be unique"):
        check_drugs(pd.concat([own_row(), own_row(status="approved")]))


def test_bundled_tables_pass_their_own_checks() -> None:
    for name in ("drugs_guide", "drugs_own"):
        check_drugs(read_table(name))
    CUTS.check(read_table("drug_cuts"))
    assert "ODbL" in card_of("drugs_guide").licence
    assert "ShareAlike" in card_of("drugs_guide").licence


def test_our_rows_are_those_of_their_source() -> None:
    told = tomllib.loads((ROOT / "scripts" / "sources" / "drugs.toml").read_text())
    own = read_table("drugs_own")
    assert len(own) == sum(len(row["targets"]) for row in told["drug"])
    assert len(read_table("drug_cuts")) == len(told["cut"]) + len(told["population"])
    assert all(row["source"] and row["date"] for row in told["drug"])


def test_the_build_refuses_another_archive(tmp_path: Path) -> None:
    fake = tmp_path / "scConnect-1.0.3.tar.gz"
    fake.write_bytes(b"not the archive")
    before = (SHELF / "drugs_own.csv").read_bytes()
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build_drugs.py"), str(fake)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode != 0
    assert "has the checksum" in run.stderr
    assert (SHELF / "drugs_own.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("disease", "cancer", "expected"),
    [
        (TNBC, TNBC, "approved_for_this_cancer"),
        (TNBC, "breast cancer", "approved_other_cancer"),
        ("breast cancer", TNBC, "approved_for_this_cancer"),
        ("rheumatoid arthritis", TNBC, "approved_non_oncology"),
        ("lymphoma", "", "approved_other_cancer"),
    ],
)
def test_approval_is_said_for_the_studys_cancer(disease: str, cancer: str, expected: str) -> None:
    told = status_for("approved", disease, cancer, region="x", phase="", date="2020")
    assert told == expected
    assert told in dict(STATUS_PART)


def test_gene_symbols() -> None:
    assert all(is_gene(name) for name in ("WNT5A", "HLA-A", "C1orf112", "PDCD1"))
    assert not any(is_gene(name) for name in ("", "Wnt5a", "WNT 5A", "the ligand"))


def test_the_figure_draws(tmp_path: Path) -> None:
    ax = plot.therapy(ask(WNT, PD1))
    assert len(ax.get_yticklabels()) > 5
    plt.close("all")
