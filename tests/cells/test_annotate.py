"""Annotation: what cells are, how sure, and what happens with input that is not what it seems."""

import dataclasses
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import turncoat as tc
from turncoat.cells import Annotation, Annotator, annotate_study, learn_annotator, marker_set
from turncoat.cells.fits import check_fit
from turncoat.errors import (
    ArgumentError,
    CountsError,
    DroppedDataWarning,
    FileFormatError,
    KnowledgeError,
    MissingFileError,
    StudyError,
)
from turncoat.study import load_study, plan_cells
from turncoat.tables import restore, store

pytestmark = pytest.mark.filterwarnings("ignore::turncoat.errors.DroppedDataWarning")

#: Names of the planted study's populations in our words, where they differ.
OURS = {"NK immature": "NK", "Tumour": "Epithelial"}


@pytest.fixture(scope="module")
def cells() -> ad.AnnData:
    return tc.ds.planted(n_donors=3, n_controls=3, cells_per_donor=350, n_genes=1500, seed=3)


@pytest.fixture(scope="module")
def found(cells: ad.AnnData) -> Annotation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedDataWarning)
        return tc.pp.annotate(cells, sample_key="sample", donor_key="donor")


def test_planted_populations_are_found(cells: ad.AnnData, found: Annotation) -> None:
    truth = cells.obs["population"].astype(str).replace(OURS).to_numpy()
    called = found.cells["population"].to_numpy()
    for population in set(truth) - {"DC"}:
        mine = truth == population
        assert (called[mine] == population).mean() >= 0.85, population
        assert (called == population)[~mine].mean() <= 0.01, population
    dendritic = found.cells.loc[truth == "DC", "population"]
    assert dendritic.isin(["cDC1", "cDC2", "mregDC", "Myeloid"]).mean() >= 0.8


def test_a_rare_immature_state_is_found_and_an_absent_one_is_not(
    cells: ad.AnnData, found: Annotation
) -> None:
    truth = cells.obs["population"].astype(str).to_numpy()
    called = (found.cells["state"] == "NK immature (CD56bright)").to_numpy()
    assert called[truth == "NK immature"].mean() >= 0.7
    assert called[truth != "NK immature"].mean() <= 0.002
    assert (found.cells["state"] == "NK ILC1-like").mean() <= 0.002


def test_the_result_survives_h5ad_and_counts_every_cell(
    cells: ad.AnnData, found: Annotation, tmp_path: Path
) -> None:
    assert len(found.cells) == cells.n_obs
    assert int(found.samples["n_cells"].sum()) == cells.n_obs
    shell = ad.AnnData(obs=pd.DataFrame(index=["a"]))
    store(shell, "annotation", found)
    shell.write_h5ad(tmp_path / "shell.h5ad")
    again = restore(ad.read_h5ad(tmp_path / "shell.h5ad"), "annotation", Annotation)
    pd.testing.assert_frame_equal(again.cells, found.cells)
    pd.testing.assert_frame_equal(again.states, found.states)


def test_half_the_counts_make_cells_unsure_not_different(cells: ad.AnnData) -> None:
    model = learn_annotator(plan_cells(cells, donor_key="donor", sample_key="sample"), marker_set())
    thinned = cells.copy()
    counts = sp.csr_matrix(thinned.X)
    counts.data = np.random.default_rng(0).binomial(counts.data.astype(int), 0.5).astype(float)
    thinned.X = counts
    deep = tc.pp.annotate(cells, sample_key="sample", annotator=model).cells
    shallow = tc.pp.annotate(thinned, sample_key="sample", annotator=model).cells
    sure = deep["population"] != "unassigned"
    other = (shallow["population"] != deep["population"]) & sure
    assert other.mean() <= 0.05
    assert (other & ~shallow["population"].isin(["unassigned", "T", "Myeloid"])).mean() <= 0.01


def test_an_annotator_is_saved_without_pickle_and_calls_the_same(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    model = tc.pp.train_annotator(cells, label_key="population")
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as stored:
        assert set(stored) == {"told", "centre", "scale", "weights", "bias"}
    again = Annotator.load(tmp_path / "model.npz")
    first = tc.pp.annotate(cells, sample_key="sample", annotator=model).cells
    second = tc.pp.annotate(cells, sample_key="sample", annotator=again).cells
    assert (first["population"] == second["population"]).mean() > 0.999
    assert (first["population"].to_numpy() == cells.obs["population"].astype(str)).mean() > 0.95


def test_a_file_that_is_no_annotator_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(b"not a model")
    with pytest.raises(FileFormatError, match="no annotator"):
        Annotator.load(tmp_path / "model.npz")
    with pytest.raises(MissingFileError, match="does not exist"):
        Annotator.load(tmp_path / "absent.npz")


def test_chunks_and_order_of_cells_do_not_matter(cells: ad.AnnData, found: Annotation) -> None:
    model = tc.pp.train_annotator(cells, label_key="population")
    backwards = cells[::-1].copy()
    one = tc.pp.annotate(cells, sample_key="sample", annotator=model).cells
    two = tc.pp.annotate(backwards, sample_key="sample", annotator=model).cells
    pd.testing.assert_frame_equal(one, two.iloc[::-1].reset_index(drop=True))


def test_a_small_panel_says_what_it_cannot_tell(cells: ad.AnnData) -> None:
    known = marker_set()
    some = [node for node in known.at("lineage") if node.name in {"T", "B", "Myeloid"}]
    kept = {gene for node in some for gene in node.positive}
    others = [gene for gene in cells.var_names if gene not in set(known.genes())]
    panel = [gene for gene in cells.var_names if gene in kept] + others[:440]
    with pytest.warns(DroppedDataWarning, match="too few markers of .*Treg"):
        narrow = tc.pp.annotate(cells[:, panel].copy(), sample_key="sample")
    assert not (narrow.cells["population"] == "Treg").any()
    told = narrow.panel.set_index(["level", "name"])["told"]
    assert not told["population", "Treg"]
    assert told["lineage", "B"]


def test_genes_that_nobody_knows_are_refused(cells: ad.AnnData) -> None:
    strange = cells.copy()
    strange.var_names = [f"feature_{k}" for k in range(cells.n_vars)]
    with pytest.raises((StudyError, CountsError), match="gene"):
        tc.pp.annotate(strange, sample_key="sample")


def test_mouse_cells_are_read_with_mouse_markers() -> None:
    rng = np.random.default_rng(0)
    mouse = marker_set("mouse")
    genes = list(dict.fromkeys([*mouse.genes(), *(f"Olfr{k}" for k in range(200))]))
    place = {gene: k for k, gene in enumerate(genes)}
    nodes = [
        node for node in mouse.at("lineage") if node.name in {"B", "Myeloid", "T", "Epithelial"}
    ]
    rate = np.full((400, len(genes)), 0.03)
    truth = np.repeat(np.arange(4), 100)
    for k, node in enumerate(nodes):
        rate[np.ix_(truth == k, [place[gene] for gene in node.positive])] = 3.0
    obs = pd.DataFrame({"sample": "m1"}, index=[f"c{k}" for k in range(400)])
    mice = ad.AnnData(sp.csr_matrix(rng.poisson(rate)), obs=obs, var=pd.DataFrame(index=genes))
    result = tc.pp.annotate(mice, sample_key="sample")
    lineage = result.cells["lineage"].to_numpy()
    for k, node in enumerate(nodes):
        assert (lineage[truth == k] == node.name).mean() > 0.9, node.name


def mouse_cells() -> ad.AnnData:
    genes = marker_set("mouse").genes()
    counts = np.random.default_rng(3).poisson(0.5, size=(60, len(genes)))
    obs = pd.DataFrame({"sample": "m1", "donor": "d1"}, index=[f"c{k}" for k in range(60)])
    return ad.AnnData(sp.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=genes))


def test_mouse_cells_called_human_are_refused_with_what_to_do(tmp_path: Path) -> None:
    mouse_cells().write_h5ad(tmp_path / "mice.h5ad")
    (tmp_path / "study.toml").write_text(
        '[study]\nspecies = "human"\n[cells]\nfiles = "mice.h5ad"\ndonor = "donor"\nsample = "sample"\n',
        encoding="utf-8",
    )
    expected = r"has mouse genes .* but the species stated is human\. Correct 'species'"
    with pytest.raises(StudyError, match=expected):
        annotate_study(load_study(tmp_path / "study.toml"))


def test_human_markers_for_mouse_cells_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "human.toml"
    path.write_text(
        '[state."X"]\nparent = "NK"\nme = ["GZMB", "XCL1", "KLRC1"]\n', encoding="utf-8"
    )
    with pytest.raises(KnowledgeError, match=r"no mouse symbols: GZMB.*human symbols: write them"):
        tc.pp.annotate(mouse_cells(), sample_key="sample", markers=path)


def test_a_human_annotator_is_refused_for_mouse_cells(cells: ad.AnnData) -> None:
    human = tc.pp.train_annotator(cells, label_key="population")
    with pytest.raises(ArgumentError, match=r"None of the annotator's genes.*same species"):
        tc.pp.annotate(mouse_cells(), sample_key="sample", annotator=human)
    stated = dataclasses.replace(human, about={**human.about, "species": "human"})
    with pytest.raises(
        StudyError, match=r"made for human cells .* mouse cells .* Leave 'annotator'"
    ):
        tc.pp.annotate(mouse_cells(), sample_key="sample", annotator=stated)


def test_an_annotator_whose_genes_are_hardly_measured_is_warned_of(cells: ad.AnnData) -> None:
    model = tc.pp.train_annotator(cells, label_key="population")
    some = [gene for gene in cells.var_names if gene in set(model.genes[::5])]
    rest = [gene for gene in cells.var_names if gene not in set(model.genes)]
    with pytest.warns(DroppedDataWarning, match=r"Only \d+ of the annotator's"):
        tc.pp.annotate(cells[:, some + rest].copy(), sample_key="sample", annotator=model)


def test_a_sample_of_three_cells_is_called_with_a_remark(cells: ad.AnnData) -> None:
    few = cells.copy()
    few.obs["sample"] = few.obs["sample"].astype(str)
    few.obs.loc[few.obs_names[:3], "sample"] = "tiny"
    model = tc.pp.train_annotator(cells, label_key="population")
    result = tc.pp.annotate(few, sample_key="sample", annotator=model)
    tiny = result.samples.set_index("sample").loc["tiny"]
    assert tiny["n_cells"] == 3
    assert "only 3 cells" in tiny["remark"]


def test_user_labels_are_kept_and_disagreement_is_tabled(cells: ad.AnnData) -> None:
    labelled = cells.copy()
    labelled.obs["mine"] = labelled.obs["population"].astype(str)
    model = tc.pp.train_annotator(cells, label_key="population")
    result = tc.pp.annotate(labelled, sample_key="sample", label_key="mine", annotator=model)
    table = result.disagreement
    assert table["n_cells"].sum() == cells.n_obs
    agreed = table[table["label"] == table["population"]]
    assert agreed["n_cells"].sum() > 0.7 * cells.n_obs


def test_labels_that_mean_nothing_to_us_are_refused(cells: ad.AnnData) -> None:
    strange = cells.copy()
    strange.obs["cluster"] = [f"cluster {k % 7}" for k in range(cells.n_obs)]
    with pytest.raises(StudyError, match="label_map"):
        tc.pp.annotate(strange, sample_key="sample", label_key="cluster")
    with pytest.raises(StudyError, match="no column 'clusters'"):
        tc.pp.annotate(strange, sample_key="sample", label_key="clusters")


def test_labels_that_are_nearly_ours_are_named_with_the_nearest_word(cells: ad.AnnData) -> None:
    mixed = cells.copy()
    mixed.obs["mine"] = (
        mixed.obs["population"].astype(str).replace({"Plasma": "Plasmma", "B": "Odd"})
    )
    model = tc.pp.train_annotator(cells, label_key="population")
    with pytest.warns(
        DroppedDataWarning, match=r"stay as they are: .*'Plasmma' \(Plasma.*label_map"
    ):
        tc.pp.annotate(mixed, sample_key="sample", label_key="mine", annotator=model)


def test_a_users_marker_file_adds_a_population(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[state."Macrophage lipid"]\nparent = "Macrophage"\nJaitin2019 = ["TREM2", "LPL", "CD9"]\n'
        'negative = ["FOLR2"]\n',
        encoding="utf-8",
    )
    names = {node.name for node in marker_set(extra=path).at("state", "Macrophage")}
    assert "Macrophage lipid" in names
    table = pd.DataFrame(
        {"level": "state", "name": "NK mine", "parent": "NK", "gene": ["GZMK", "XCL1", "SELL"]}
    )
    table.to_csv(tmp_path / "mine.csv", index=False)
    assert "NK mine" in {node.name for node in marker_set(extra=tmp_path / "mine.csv").at("state")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[state."X"]\nparent = "NK"\nme = ["GZMKK", "XCL1"]\n', "GZMKK"),
        ('[state."X"]\nparent = "NKK"\nme = ["GZMK"]\n', "parent 'NKK'"),
        ('[stat."X"]\nparent = "NK"\nme = ["GZMK"]\n', "Did you mean 'state'"),
        ("[state\n", "no valid TOML"),
        (
            '[population.A]\nparent = "B2"\nme = ["GZMK"]\n[population.B2]\nparent = "A"\nme = ["PRF1"]',
            "cycle: A → B2 → A",
        ),
        (
            '[lineage.A]\nparent = "C"\nme = ["GZMK"]\n[lineage.C]\nparent = "A"\nme = ["PRF1"]',
            "lineages are the top",
        ),
    ],
)
def test_a_marker_file_with_a_mistake_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=message):
        marker_set(extra=path)


def test_a_marker_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"absent\.toml"):
        marker_set(extra=tmp_path / "absent.toml")


def test_a_lineage_that_is_told_lends_its_name_to_its_only_population() -> None:
    # MPO is a marker of the lineage, none of the population of the same name.
    panel = (
        marker_set().coverage(["CD34", "MPO", "GATA2", "AVP", "LYZ"]).set_index(["level", "name"])
    )
    assert panel.loc[("lineage", "Progenitor"), "told"]
    assert panel.loc[("population", "Progenitor"), "told"]
    assert not panel.loc[("population", "Treg"), "told"]


def test_an_annotator_that_says_no_species_is_refused_by_its_letters() -> None:
    cells = tc.ds.planted(n_donors=2, n_controls=0, cells_per_donor=100, n_genes=700, seed=5)
    human = tc.pp.train_annotator(cells, label_key="population")
    human = dataclasses.replace(human, about={})
    genes = pd.Index([gene.capitalize() for gene in cells.var_names] + [human.genes[0]])
    with pytest.raises(StudyError, match=r"made for human cells .* these are mouse cells"):
        check_fit(human, genes, "mouse")
