"""The tool on planted studies: what it finds, what it must not find, and what it refuses."""

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from factories import tally_from_cells
from turncoat.crosstalk import Crosstalk, crosstalk
from turncoat.errors import (
    ArgumentError,
    DesignError,
    DesignWarning,
    DroppedDataWarning,
    KnowledgeError,
    MissingKeyError,
    StudyError,
)
from turncoat.study.planted import Edge, Plan, Shift
from turncoat.tables import restore

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.DroppedDataWarning")

CONTRAST = tc.Contrast("condition", "case", "control")
EDGE = ["sender", "ligand", "receiver", "receptor"]
PAIRS = pd.DataFrame({"ligand": ["L", "L", "M"], "receptor": ["A_B", "A", "A"]})
GENES = ["L", "M", "A", "B", "HOUSE", "KEEP"]

PLAN = Plan(
    switches=(),
    edges=(
        Edge("Macrophage", "IL1B", "Fibroblast", "IL1R1_IL1RAP", "NFKB", 2.0),
        Edge("Treg", "TGFB1", "CD8 T", "TGFBR1_TGFBR2", "TGFB", 2.0),
        Edge("Fibroblast", "HGF", "Tumour", "MET", "EGF", 2.0, "silent"),
        Edge("Macrophage", "IL10", "Monocyte", "IL10RA_IL10RB", "STAT3", 2.0, "opposite"),
        Edge(
            "Macrophage",
            "OSM",
            "Endothelial",
            "IL6ST_OSMR",
            "STAT3",
            2.0,
            "silent",
            "subunit_missing",
        ),
        Edge("Tumour", "LIF", "Fibroblast", "IL6ST_LIFR", "STAT3", 2.0, "silent", "never_together"),
        Edge("Fibroblast", "FGF7", "CD4 T", "FGFR2", "", 2.0, "silent", "receptor_absent"),
        Edge("Plasma", "LTA", "Endothelial", "TNFRSF1B", "", 0.0, "silent", "composition_only"),
        Edge("Fibroblast", "WNT3A", "Tumour", "FZD7_LRP5", "WNT", 2.0, "silent", "antagonist_up"),
    ),
    shifts=(Shift("Plasma", 1.5),),
)


def tally_of(cells: ad.AnnData) -> ad.AnnData:
    return tc.pp.tally(
        cells,
        donor_key="donor",
        sample_key="sample",
        tissue_key="tissue",
        condition_key="condition",
        population_key="population",
    )


@pytest.fixture(scope="module")
def planted() -> tuple[ad.AnnData, pd.DataFrame]:
    cells = tc.ds.planted(
        n_donors=10, n_controls=10, cells_per_donor=1_000, n_genes=1_400, plan=PLAN, seed=6
    )
    return tally_of(cells), tc.ds.planted_truth(cells).edges


@pytest.fixture(scope="module")
def found(planted: tuple[ad.AnnData, pd.DataFrame]) -> Crosstalk:
    with pytest.warns(DroppedDataWarning, match="too few cells"):
        return crosstalk(planted[0], CONTRAST, senders="all", n_permutations=199)


@pytest.fixture(scope="module")
def edges(planted: tuple[ad.AnnData, pd.DataFrame], found: Crosstalk) -> dict[str, dict[str, Any]]:
    merged = planted[1].merge(found.table, on=EDGE, how="left", suffixes=("_planted", ""))
    return {str(row["ligand"]): row for row in merged.to_dict("records")}  # type: ignore[misc]


def test_planted_signals_are_gained(edges: dict[str, dict[str, Any]]) -> None:
    for ligand in ("IL1B", "TGFB1", "HGF", "IL10"):
        row = edges[ligand]
        assert row["verdict"] == "gained", ligand
        assert row["change"] > 0
        assert row["ligand_change"] > 2 * abs(row["receptor_change"])
        assert row["weakest_change"] > 0
        assert row["lower"] < row["change"] < row["upper"]
        assert "different" in row["ladder"]
        assert "present" in row["ladder"]


def test_decoys_are_not_believed(edges: dict[str, dict[str, Any]]) -> None:
    for ligand in ("OSM", "LIF", "FGF7"):
        assert not isinstance(edges[ligand]["verdict"], str), ligand
    assert edges["LTA"]["verdict"] == "composition only"
    assert edges["WNT3A"]["verdict"] == "opposed"
    assert edges["WNT3A"]["antagonist_qvalue"] <= 0.1
    assert edges["WNT3A"]["antagonist_change"] > 0
    assert "antagonist" in edges["WNT3A"]["reason"]


def test_receivers_answers_have_a_sign(edges: dict[str, dict[str, Any]]) -> None:
    assert edges["IL1B"]["heard"] == "heard"
    assert edges["IL1B"]["response"] == "NF-kappaB"
    assert edges["IL10"]["heard"] == "opposite"
    assert edges["IL10"]["response_correlation"] < 0
    assert edges["HGF"]["heard"] == "silent"


def test_programmes_of_receivers_follow_their_signals(found: Crosstalk) -> None:
    table = tc.get.edge_programmes(found)
    one = table.query("ligand == 'IL1B' and receiver == 'Fibroblast' and sender == 'Macrophage'")
    answer = one.drop_duplicates("programme").set_index("programme")
    assert answer.loc["NF-kappaB", "answer"] == "rises"
    assert answer.loc["NF-kappaB", "is_expected"]
    assert not answer.loc["TGF-beta", "is_expected"]
    other = table.query("ligand == 'IL10' and receiver == 'Monocyte' and programme == 'JAK-STAT3'")
    assert (other["correlation"].dropna() < 0).all()
    assert len(other["correlation"].dropna())
    # Programmes of a kind are asked of that kind of receiver alone.
    assert set(table.loc[table["programme"] == "stemness", "receiver"]) <= {"Tumour"}
    killers = set(table.loc[table["programme"] == "cytotoxicity", "receiver"])
    assert killers <= {"CD8 T", "NK", "NK immature"}
    assert killers
    assert not table["programme"].str.contains("SecAct|stress").any()
    changed = tc.get.edge_programmes(found, changed=True)
    assert set(changed["answer"]) <= {"rises", "falls"}
    assert "IL1B" in set(changed["ligand"])


def test_programmes_that_cannot_be_asked_say_why(found: Crosstalk) -> None:
    table = found.programmes
    untested = table[table["status"] == "not_testable"]
    assert untested["pvalue"].isna().all()
    assert (untested["answer"] == "not testable").all()
    assert (untested["reason"] != "").all()
    autocrine = table[table["sender"] == table["receiver"]]
    assert len(autocrine)
    assert (autocrine["status"] == "not_testable").all()
    assert autocrine["reason"].str.contains("one population|too little").all()
    tested = table[table["status"] == "tested"]
    assert tested["pvalue"].between(0, 1).all()
    # Receptors of one ligand share the receiver's answer, and count once.
    keys = ["sender", "ligand", "receiver", "tissue", "programme"]
    assert len(tested[[*keys, "qvalue"]].drop_duplicates()) == len(tested[keys].drop_duplicates())


def test_best_supported_edges_come_first(found: Crosstalk) -> None:
    table = found.table
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    verdicts = table["verdict"].tolist()
    assert set(verdicts[:3]) <= {"gained", "lost"}
    assert (table.loc[table["status"] != "tested", "pvalue"].isna()).all()
    assert table["pvalue"].dropna().between(0, 1).all()
    assert (table["permutation_pvalue"].dropna() > 0).all()


def test_donors_behind_the_first_edges_are_kept(found: Crosstalk) -> None:
    first = found.table.iloc[0]
    mine = found.donors[(found.donors[EDGE] == first[EDGE]).all(axis=1)]
    assert set(mine["arm"]) == {"case", "control"}
    means = mine.groupby("arm")["strength"].mean()
    assert means["case"] - means["control"] == pytest.approx(first["change"], abs=0.02)


def test_result_survives_h5ad(
    planted: tuple[ad.AnnData, pd.DataFrame], found: Crosstalk, tmp_path: Path
) -> None:
    tally = planted[0].copy()
    tally.write_h5ad(tmp_path / "t.h5ad")
    again = restore(ad.read_h5ad(tmp_path / "t.h5ad"), "crosstalk", Crosstalk)
    pd.testing.assert_frame_equal(again.table, found.table)
    pd.testing.assert_frame_equal(again.donors, found.donors)
    pd.testing.assert_frame_equal(again.programmes, found.programmes)
    assert again.params == found.params
    assert "no patient's cells" in found.params["synthetic"]


def test_tally_is_left_as_it_was(planted: tuple[ad.AnnData, pd.DataFrame]) -> None:
    # In a peer one method's normalisation changed the data that later methods saw.
    tally = planted[0].copy()
    before = {name: tally.layers[name].copy() for name in tally.layers}
    crosstalk(tally, CONTRAST, senders=["Treg"], n_permutations=0, key_added=None)
    for name, values in before.items():
        assert abs(tally.layers[name] - values).max() == 0
    assert "crosstalk" in tally.uns["turncoat"]  # from before: nothing was stored this time


def test_row_order_and_names_do_not_matter(planted: tuple[ad.AnnData, pd.DataFrame]) -> None:
    # A peer compared groups in the wrong order when their names were not in lexical order.
    tally = planted[0]
    one = crosstalk(tally, CONTRAST, senders=["Treg"], n_permutations=99, key_added=None).table
    shuffled = tally[np.random.default_rng(0).permutation(tally.n_obs)].copy()
    two = crosstalk(shuffled, CONTRAST, senders=["Treg"], n_permutations=99, key_added=None).table
    pd.testing.assert_frame_equal(one, two)
    renamed = tally.copy()
    renamed.obs["condition"] = (
        renamed.obs["condition"].astype(str).map({"case": "B", "control": "A"})
    )
    for case, reference, sign in (("B", "A", 1), ("A", "B", -1)):
        contrast = tc.Contrast("condition", case, reference)
        other = crosstalk(
            renamed, contrast, senders=["Treg"], n_permutations=0, key_added=None
        ).table
        merged = one.merge(other, on=EDGE, suffixes=("", "_other"))
        assert len(merged) == len(one)
        np.testing.assert_allclose(merged["change_other"], sign * merged["change"], atol=1e-12)
        np.testing.assert_allclose(merged["pvalue_other"], merged["pvalue"], rtol=1e-6)


def test_more_cells_are_not_more_evidence(planted: tuple[ad.AnnData, pd.DataFrame]) -> None:
    tally = planted[0]
    twice = tally.copy()
    for name in twice.layers:
        twice.layers[name] = twice.layers[name] * 2
    twice.obs["n_cells"] = twice.obs["n_cells"] * 2
    options = {"senders": ["Treg"], "n_permutations": 99, "key_added": None}
    one = crosstalk(tally, CONTRAST, min_cells=5, **options).table  # type: ignore[arg-type]
    two = crosstalk(twice, CONTRAST, min_cells=10, **options).table  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)


def small(
    levels: dict[tuple[str, str], dict[str, int]] | None = None, n_donors: int = 4, cells: int = 12
) -> ad.AnnData:
    """Case and control donors with a sender and a receiver, of Poisson counts."""
    draw = np.random.default_rng(0)
    rows, obs = [], []
    for arm in ("case", "control"):
        for donor in range(n_donors):
            for population in ("sender", "receiver"):
                mean = dict.fromkeys(GENES, 1.0) | {"HOUSE": 100.0}
                mean |= (levels or {}).get((arm, population), {})
                rows.append(draw.poisson([mean[gene] for gene in GENES], size=(cells, len(GENES))))
                name = f"{arm}{donor}"
                obs += [(name, name, "tumour", arm, population)] * cells
    table = pd.DataFrame(obs, columns=["donor", "sample", "tissue", "condition", "population"])
    return tally_from_cells(np.vstack(rows).astype(float), table, GENES)


SIDES = {
    ("case", "sender"): {"L": 20, "A": 0, "B": 0},
    ("control", "sender"): {"L": 5, "A": 0, "B": 0},
    ("case", "receiver"): {"L": 0, "M": 0, "A": 5, "B": 4},
    ("control", "receiver"): {"L": 0, "M": 0, "A": 5, "B": 4},
}


def run(tally: ad.AnnData, **changes: object) -> Crosstalk:
    options = {"senders": "all", "pairs": PAIRS, "n_permutations": 0, "key_added": None}
    return crosstalk(tally, CONTRAST, **{**options, **changes})  # type: ignore[arg-type]


def test_strength_is_what_the_notes_say() -> None:
    tally = small(SIDES)
    row = run(tally).table.query("ligand == 'L' and receptor == 'A_B' and sender == 'sender'")
    counts = tally.to_df("counts")
    strength = {}
    for arm in ("case", "control"):
        values = []
        for donor in range(4):
            sent = counts.loc[f"{arm}{donor}|sender"]
            heard = counts.loc[f"{arm}{donor}|receiver"]
            ligand = 1e4 * sent["L"] / sent.sum()
            receptor = 1e4 * min(heard["A"], heard["B"]) / heard.sum()
            values.append(np.log2(1 + np.sqrt(ligand * receptor) / 0.5))
        strength[arm] = np.mean(values)
    assert row["strength_case"].item() == pytest.approx(strength["case"])
    assert row["change"].item() == pytest.approx(strength["case"] - strength["control"])


def test_edge_needs_both_sides_in_the_same_sample() -> None:
    apart = small(SIDES)
    counts = apart.to_df("counts")
    for row in counts.index:
        sample, population = row.split("|")
        odd = int(sample[-1]) % 2
        silenced = ["L"] if population == "sender" and odd else []
        silenced += ["A", "B"] if population == "receiver" and not odd else []
        for name in apart.layers:
            values = pd.DataFrame(
                apart.layers[name], index=apart.obs_names, columns=apart.var_names
            )
            values.loc[row, silenced] = 0.0
            apart.layers[name] = values.to_numpy()
    table = run(apart, min_donors=2).table
    assert not ((table["ligand"] == "L") & (table["sender"] == "sender")).any()


def test_absent_subunit_leaves_no_edge() -> None:
    lacking = {key: {**genes, "B": 0} for key, genes in SIDES.items()}
    table = run(small(lacking)).table
    assert (table["receptor"] == "A").any()
    assert not (table["receptor"] == "A_B").any()


def test_sender_without_machinery_sends_nothing() -> None:
    genes = ["WNT1", "FZD1", "LRP6", "PORCN", "WLS", "HOUSE"]
    means = {"sender": [9, 0, 0, 0, 4, 100], "receiver": [0, 6, 6, 3, 3, 100]}
    draw = np.random.default_rng(1)
    rows, obs = [], []
    for arm in ("case", "control"):
        for donor in range(4):
            for population, mean in means.items():
                rows.append(draw.poisson(mean, size=(10, 6)))
                obs += [(f"{arm}{donor}", f"{arm}{donor}", "t", arm, population)] * 10
    table = pd.DataFrame(obs, columns=["donor", "sample", "tissue", "condition", "population"])
    tally = tally_from_cells(np.vstack(rows).astype(float), table, genes)
    edge = run(tally, pairs=None).table.query("sender == 'sender' and ligand == 'WNT1'").iloc[0]
    assert edge["machinery"] == "absent: PORCN"
    assert edge["verdict"] == "not sent"
    assert "lacks PORCN" in edge["reason"]
    without = tally[:, [gene for gene in genes if gene != "PORCN"]].copy()
    with pytest.warns(DesignWarning, match="lacks PORCN: whether WNT1 can be sent is not known"):
        found = run(without, pairs=None)
    edge = found.table.query("sender == 'sender' and ligand == 'WNT1'").iloc[0]
    assert edge["machinery"] == "not measured: PORCN"
    assert edge["status"] == "tested"


def test_receiver_of_one_cell_is_left_out_and_listed() -> None:
    tally = small(SIDES)
    receiver = (tally.obs["population"] == "receiver").to_numpy()
    tally.obs.loc[receiver, "n_cells"] = 1
    with pytest.warns(DesignWarning, match="No edge can be tested"):
        result = run(tally)
    assert "receiver" not in set(result.table["receiver"])
    listed = result.dropped.set_index("what").loc["population in a sample"]
    assert listed["n"] == 8
    assert "fewer than 5 cells" in listed["reason"]


def test_identical_donors_are_not_testable() -> None:
    tally = small(SIDES)
    for name in tally.layers:
        values = np.asarray(tally.layers[name])
        for population in ("sender", "receiver"):
            rows = np.flatnonzero(tally.obs["population"] == population)
            values[rows] = values[rows[0]]
    with pytest.warns(DesignWarning, match="No edge can be tested"):
        table = run(tally).table
    assert len(table)
    assert (table["status"] == "not_testable").all()
    assert table["pvalue"].isna().all()
    assert table["reason"].str.contains("do not vary").all()


def test_too_few_donors_are_a_result_not_a_crash() -> None:
    with pytest.warns(DesignWarning, match="No edge can be tested"):
        table = run(small(SIDES, n_donors=2)).table
    assert table.empty
    Crosstalk.table_schema.check(table)


def test_switched_populations_lead(planted: tuple[ad.AnnData, pd.DataFrame]) -> None:
    verdicts = pd.DataFrame(
        {"population": ["Treg", "NK", "Ghost"], "verdict": ["switched", "loyal", "switched"]}
    )
    result = crosstalk(planted[0], CONTRAST, senders=verdicts, n_permutations=0, key_added=None)
    assert set(result.table["sender"]) == {"Treg"}
    assert result.params["senders"] == ["Treg"]


def test_species_mismatch_is_named(planted: tuple[ad.AnnData, pd.DataFrame]) -> None:
    tally = planted[0].copy()
    tally.uns["turncoat"]["tally"]["species"] = "mouse"
    with pytest.raises(KnowledgeError, match="species, 'mouse', the right one"):
        crosstalk(tally, CONTRAST, senders="all")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"senders": "switched"}, ArgumentError, "follows allegiance"),
        ({"senders": ["NKT"]}, ArgumentError, "no population 'NKT'"),
        ({"senders": "reciever"}, ArgumentError, "Did you mean 'receiver'"),
        (
            {"senders": pd.DataFrame({"population": []})},
            MissingKeyError,
            "no column 'verdict'",
        ),
        ({"receivers": ["Nobody"]}, ArgumentError, "argument 'receivers'"),
        ({"receivers": []}, ArgumentError, "names no population"),
        ({"fdr": 0.0}, ArgumentError, "'fdr'"),
        ({"min_donors": 1}, ArgumentError, "'min_donors'"),
        ({"min_cells": 0}, ArgumentError, "'min_cells'"),
        ({"min_detection": 1.0}, ArgumentError, "'min_detection'"),
        ({"ambient": -0.1}, ArgumentError, "'ambient'"),
        ({"n_permutations": 7}, ArgumentError, "'n_permutations'"),
        (
            {"pairs": pd.DataFrame({"ligand": ["L"], "receptor": ["A_"]})},
            KnowledgeError,
            "malformed",
        ),
        (
            {"pairs": pd.DataFrame({"ligand": ["X"], "receptor": ["Y"]})},
            KnowledgeError,
            "No ligand",
        ),
    ],
)
def test_bad_arguments_are_refused(
    changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(small(SIDES, n_donors=3), **changes)


def test_contrast_that_does_not_fit_is_refused() -> None:
    tally = small(SIDES, n_donors=3)
    with pytest.raises(StudyError, match="does not occur"):
        crosstalk(tally, tc.Contrast("condition", "case", "healthy"), senders="all", pairs=PAIRS)
    tally.obs["donor"] = tally.obs["donor"].str.replace("control", "case")
    with pytest.raises(DesignError, match="both arms"):
        crosstalk(tally, CONTRAST, senders="all", pairs=PAIRS)


def test_paired_tissues_and_covariates() -> None:
    cells = tc.ds.planted(
        n_donors=8,
        n_controls=0,
        tissues=("tumour", "normal"),
        cells_per_donor=700,
        n_genes=900,
        plan=PLAN,
        seed=2,
    )
    tally = tally_of(cells)
    tally.obs["batch"] = ["one" if name < "D05" else "two" for name in tally.obs["donor"]]
    contrast = tc.Contrast("tissue", "tumour", "normal", block="donor")
    with pytest.warns(DroppedDataWarning):
        result = crosstalk(tally, contrast, senders="all", n_permutations=0, key_added=None)
    edge = result.table.query(
        "ligand == 'IL1B' and sender == 'Macrophage' and receptor == 'IL1R1_IL1RAP'"
    )
    edge = edge[edge["receiver"] == "Fibroblast"]
    assert edge["change"].item() > 0
    assert edge["response_donors"].item() == 8
    assert edge["pvalue"].item() < 0.05


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The panel lacks:turncoat.errors.DesignWarning")
def test_null_studies_are_rejected_as_often_as_declared() -> None:
    rejected, heard, programmes, tests = [], [], [], 0
    for seed in range(3):
        cells = tc.ds.planted(
            n_donors=6, n_controls=6, cells_per_donor=600, n_genes=1_000, effect=0.0, seed=seed
        )
        result = crosstalk(tally_of(cells), CONTRAST, senders="all", n_permutations=99)
        table = result.table
        rejected.append((table["permutation_pvalue"].dropna() <= 0.05).mean())
        rejected.append((table["pvalue"].dropna() <= 0.05).mean())
        heard.append((table["response_pvalue"].dropna() <= 0.05).mean())
        programmes.append((result.programmes["pvalue"].dropna() <= 0.05).mean())
        tests += len(table)
    assert tests > 3_000
    assert np.mean(rejected) <= 0.065
    assert np.mean(heard) <= 0.075
    assert np.mean(programmes) <= 0.075
