"""The planted study holds what its truth tables say, whatever the chunks."""

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turncoat as tc
from turncoat.errors import ArgumentError, MissingKeyError
from turncoat.study.planted import Edge, Plan, Shift, Switch
from turncoat.study.planted import kernels as k
from turncoat.study.planted.atlas import ANTAGONISTS, NAMES, POPULATIONS, PROGRAMMES
from turncoat.study.planted.cells import blocks
from turncoat.study.planted.genes import choose_genes, role_genes
from turncoat.study.planted.model import Model


def model(**changes: object) -> Model:
    plan = Plan()
    settings = {
        "genes": choose_genes(800, plan, np.random.default_rng(0)),
        "plan": plan,
        "effect": 1.0,
        "n_donors": 3,
        "n_controls": 3,
        "tissues": ("tumour",),
        "cells_per_donor": 60,
        "donor_spread": 1.0,
        "seed": 4,
    }
    return Model(**{**settings, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain() -> ad.AnnData:
    """Donors do not vary: what is planted stands alone."""
    return tc.ds.planted(
        n_donors=6, n_controls=6, cells_per_donor=4_000, n_genes=900, donor_spread=0.0, seed=2
    )


def level(cells: ad.AnnData, population: str, genes: list[str], condition: str) -> np.ndarray:
    """Counts per 10,000 of some genes over all cells of a population and condition."""
    kept = (cells.obs["population"] == population) & (cells.obs["condition"] == condition)
    counts = np.asarray(cells.X[kept.to_numpy()].sum(axis=0)).ravel()
    return np.asarray(1e4 * counts[cells.var_names.get_indexer(genes)] / counts.sum())


def test_same_cells_whatever_the_blocks_and_threads() -> None:
    whole = list(blocks(model(), depth=800, ambient=0.1, rows_per_block=1000, n_threads=1))
    for rows, threads in ((7, 3), (1, 2)):
        parts = list(
            blocks(model(), depth=800, ambient=0.1, rows_per_block=rows, n_threads=threads)
        )
        for name in ("data", "indices", "population", "cycling"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            expected = np.concatenate([getattr(part, name) for part in whole])
            np.testing.assert_array_equal(joined, expected)


@pytest.mark.parametrize(("name", "compression"), [("c.h5ad", 4), ("c.h5ad", 0), ("c.zarr", 0)])
@pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning")
def test_file_holds_the_same_cells_as_memory(tmp_path: Path, name: str, compression: int) -> None:
    sizes = {"n_donors": 2, "n_controls": 2, "cells_per_donor": 300, "n_genes": 900, "seed": 5}
    kept = tc.ds.planted(**sizes)  # type: ignore[arg-type]
    path = tc.ds.write_planted(tmp_path / name, compression=compression, **sizes)  # type: ignore[arg-type]
    read = ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)
    assert (read.X != kept.X).nnz == 0
    assert read.X.dtype == np.float32
    assert (read.obs == kept.obs).all(axis=None)
    assert list(read.var_names) == list(kept.var_names)
    assert tc.ds.planted_truth(read).params == tc.ds.planted_truth(kept).params
    assert not list(tmp_path.glob("*.partial*"))
    again = tc.ds.write_planted(path, compression=compression, **sizes)  # type: ignore[arg-type]
    assert again.exists()


def test_large_file_spans_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turncoat.study.planted.sink.CHUNK", 1_000)
    sizes = {"n_donors": 2, "n_controls": 1, "cells_per_donor": 50, "n_genes": 900}
    path = tc.ds.write_planted(tmp_path / "c.h5ad", **sizes)  # type: ignore[arg-type]
    kept = tc.ds.planted(**sizes)  # type: ignore[arg-type]
    assert (ad.read_h5ad(path).X != kept.X).nnz == 0


def test_counts_are_negative_binomial() -> None:
    n_cells, mean, size = 40_000, np.array([0.05, 1.0, 8.0, 40.0]), np.array([2.0, 0.5, 3.0, 10.0])
    weights = (mean / mean.sum())[np.newaxis]
    keep, other = k.alias_table(weights)
    events = np.random.default_rng(0).poisson(mean.sum(), size=(n_cells, 1))
    ratio = (weights / size).astype(np.float32)
    data, genes, indptr = k.sample_counts(
        k.cell_keys(3, 0, n_cells),
        events,
        np.zeros((n_cells, 1), dtype=np.int64),
        np.full(n_cells, mean.sum()),
        keep,
        other,
        ratio,
    )
    dense = np.zeros((n_cells, 4))
    dense[np.repeat(np.arange(n_cells), np.diff(indptr)), genes] = data
    variance = mean + mean**2 / size
    np.testing.assert_allclose(dense.mean(axis=0), mean, atol=4 * np.sqrt(variance / n_cells).max())
    np.testing.assert_allclose(dense.var(axis=0), variance, rtol=0.08)
    zeros = (size / (size + mean)) ** size
    np.testing.assert_allclose((dense == 0).mean(axis=0), zeros, atol=0.01)
    assert abs(np.atleast_2d(np.corrcoef(dense.T))[np.triu_indices(4, 1)]).max() < 0.03


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 12), st.floats(0, 30))
def test_kernel_equals_its_twin(seed: int, n_genes: int, x: float) -> None:
    draw = np.random.default_rng(seed)
    weights = draw.gamma(0.5, size=(3, n_genes)) + 1e-6
    for ours, twin in zip(k.alias_table(weights), k.alias_table.reference(weights), strict=True):
        np.testing.assert_array_equal(ours, twin)
    keep, other = k.alias_table(weights)
    arguments = (
        k.cell_keys(seed, 5, 11),
        draw.poisson(9, size=(6, 3)),
        draw.integers(0, 3, size=(6, 3)),
        np.full(6, x),
        keep,
        other,
        draw.gamma(1, size=(3, n_genes)).astype(np.float32),
    )
    pairs = zip(k.sample_counts(*arguments), k.sample_counts.reference(*arguments), strict=True)
    for left, right in pairs:
        np.testing.assert_array_equal(left, right)
    coin = float(draw.random())
    assert k.burst(x, coin) == k.burst.reference(x, coin)
    assert k.mix(np.uint64(seed)) == k.mix.reference(np.uint64(seed))


def test_alias_table_keeps_the_weights() -> None:
    weights = np.random.default_rng(1).gamma(0.3, size=(2, 50))
    keep, other = k.alias_table(weights)
    for row in range(2):
        found = np.zeros(50)
        np.add.at(found, np.arange(50), keep[row])
        np.add.at(found, other[row], 1 - keep[row])
        np.testing.assert_allclose(found / 50, weights[row] / weights[row].sum(), atol=1e-6)


def test_depth_and_stored_share_are_as_asked() -> None:
    cells = tc.ds.planted(n_donors=1, n_controls=1, cells_per_donor=400, n_genes=20_000)
    assert 0.06 < cells.X.nnz / np.prod(cells.shape) < 0.10
    depth = np.asarray(cells.X.sum(axis=1)).ravel()
    assert 2_000 < np.median(depth) < 4_500
    assert depth.max() > 3 * np.median(depth)


def test_populations_carry_their_markers(plain: ad.AnnData) -> None:
    truth = tc.ds.planted_truth(plain)
    immature = truth.composition.query("population == 'NK immature'")["share"]
    assert immature.between(0.005, 0.02).all()
    for each in POPULATIONS:
        own = level(plain, each.name, list(each.markers), "control")
        others = np.mean(
            [
                level(plain, name, list(each.markers), "control")
                for name in NAMES
                if not set(each.markers) & set(POPULATIONS[NAMES.index(name)].markers)
            ],
            axis=0,
        )
        assert np.median(own / np.maximum(others, 0.01)) > 8
    sell, gzmb = ["SELL", "IL7R", "GZMK", "XCL1", "SOCS3"], ["GZMB", "PRF1"]
    for condition in ("case", "control"):
        assert (level(plain, "NK immature", sell, condition) > 3).all()
        assert (
            level(plain, "NK immature", gzmb, "control") < level(plain, "NK", gzmb, condition)
        ).all()


def test_switches_show_in_their_programmes_only(plain: ad.AnnData) -> None:
    truth = tc.ds.planted_truth(plain)
    axis = dict(zip(truth.switches["population"], truth.switches["axis"], strict=True))
    for (population, side), genes in PROGRAMMES.items():
        mine = truth.programmes.query("population == @population and side == @side")["gene"]
        assert sorted(mine) == sorted(set(genes))
        answers = set(truth.responses["gene"])
        alone = [
            gene
            for gene in genes
            if gene not in answers
            and sum(gene in other for (name, _), other in PROGRAMMES.items() if name == population)
            == 1
        ]
        ratio = level(plain, population, alone, "case") / level(plain, population, alone, "control")
        expected = 0.0
        if axis.get(population) in {"both", side}:
            expected = -1.0 if side == "anti" else 1.0
        assert np.median(np.log2(ratio)) == pytest.approx(expected, abs=0.35)


def test_edges_and_decoys_are_what_they_say(plain: ad.AnnData) -> None:
    for edge in Plan().edges:
        if edge.decoy in {"never_together", "composition_only"}:
            continue
        case = level(plain, edge.sender, [edge.ligand], "case")[0]
        control = level(plain, edge.sender, [edge.ligand], "control")[0]
        assert np.log2(case / control) == pytest.approx(edge.size, abs=0.5)
        subunits = level(plain, edge.receiver, edge.receptor.split("_"), "control")
        if edge.decoy == "receptor_absent":
            assert (subunits == 0).all()
        elif edge.decoy == "subunit_missing":
            assert subunits[0] > 0.3
            assert subunits[-1] == 0
        else:
            assert (subunits > 0.3).all()
        if edge.decoy == "antagonist_up":
            rising = list(ANTAGONISTS["WNT"])
            ratio = level(plain, edge.sender, rising, "case") / level(
                plain, edge.sender, rising, "control"
            )
            assert (np.log2(ratio) > 1).all()


def test_ligand_and_receptor_of_a_decoy_never_meet(plain: ad.AnnData) -> None:
    edge = next(edge for edge in Plan().edges if edge.decoy == "never_together")
    for donor in plain.obs["donor"].cat.categories:
        mine = plain[plain.obs["donor"] == donor]
        sent = mine[mine.obs["population"] == edge.sender, edge.ligand].X.sum()
        heard = mine[mine.obs["population"] == edge.receiver, edge.receptor.split("_")].X.sum(
            axis=0
        )
        assert sent == 0 or np.min(heard) == 0


def test_receivers_follow_the_signal_they_hear() -> None:
    cells = tc.ds.planted(n_donors=20, n_controls=20, cells_per_donor=800, n_genes=900, seed=3)
    truth = tc.ds.planted_truth(cells)
    counts = {
        donor: cells[cells.obs["donor"] == donor] for donor in cells.obs["donor"].cat.categories
    }
    found: dict[str, list[float]] = {"heard": [], "silent": [], "opposite": []}
    for _number, edge in truth.edges[truth.edges["response"] != ""].iterrows():
        if edge["decoy"]:
            continue
        up = truth.responses.query("response == @edge.response and sign > 0")["gene"]
        strength = truth.strengths.query("edge == @_number").set_index("sample")["log2_strength"]
        score = []
        for donor in strength.index:
            mine = counts[donor][counts[donor].obs["population"] == edge["receiver"]].X
            total = np.asarray(mine.sum(axis=0)).ravel()
            score.append(
                np.log(total[cells.var_names.get_indexer(up)] / total.sum() * 1e4 + 0.1).mean()
            )
        found[edge["hearing"]].append(np.corrcoef(strength, score)[0, 1])
    assert min(found["heard"]) > 0.45
    assert max(found["opposite"]) < -0.3
    assert max(map(abs, found["silent"])) < 0.45


def test_shifts_move_composition(plain: ad.AnnData) -> None:
    share = plain.obs.groupby(["condition", "population"], observed=True).size().unstack()
    odds = np.log(share.div(share["CD4 T"], axis=0))
    change = odds.loc["case"] - odds.loc["control"]
    planted = {shift.population: shift.log_odds for shift in Plan().shifts}
    for population in NAMES:
        assert change[population] == pytest.approx(planted.get(population, 0.0), abs=0.25)


def test_without_effect_groups_differ_by_donors_only() -> None:
    null = model(effect=0.0, n_donors=30, n_controls=30)
    assert (
        not tc.ds.planted_truth(
            tc.ds.planted(effect=0.0, n_donors=1, n_controls=1, cells_per_donor=5, n_genes=700)
        )
        .edges["true_edge"]
        .any()
    )
    strength = null.strengths
    case = null.samples["affected"].to_numpy()
    error = strength.std(axis=0) * np.sqrt(2 / 30)
    assert (abs(strength[case].mean(axis=0) - strength[~case].mean(axis=0)) < 4 * error).all()


def test_donors_vary_as_much_as_declared() -> None:
    many = model(effect=0.0, n_donors=40, n_controls=0, donor_spread=1.0)
    kept = [gene for gene in many.genes if gene.startswith("PLANTED")]
    columns = many.numbers(tuple(kept))
    logs = np.log(np.stack([many.profiles(number)[0, columns] for number in range(40)]))
    assert np.median(logs.std(axis=0)) == pytest.approx(np.sqrt(0.2**2 + 0.2**2 + 0.1**2), rel=0.1)


def test_paired_study_plants_in_the_first_tissue() -> None:
    cells = tc.ds.planted(
        n_donors=4, n_controls=0, tissues=("tumour", "normal"), cells_per_donor=200, n_genes=700
    )
    truth = tc.ds.planted_truth(cells)
    assert truth.samples.groupby("donor").size().eq(2).all()
    assert (truth.samples["affected"] == (truth.samples["tissue"] == "tumour")).all()
    assert truth.params["contrast"]["block"] == "donor"
    normal = cells.obs[cells.obs["tissue"] == "normal"]
    assert not (normal["population"] == "Tumour").any()


FIBROUS = ["COL1A1", "COL1A2", "COL3A1", "DCN", "LUM", "C1QA", "C1QB", "C1QC", "CD68"]


def test_ambient_rna_leaks_markers() -> None:
    sizes = {"n_donors": 1, "n_controls": 1, "cells_per_donor": 1500, "n_genes": 700}
    clean = tc.ds.planted(**sizes)  # type: ignore[arg-type]
    dirty = tc.ds.planted(ambient=0.2, **sizes)  # type: ignore[arg-type]
    leak = [level(cells, "NK", FIBROUS, "case").sum() for cells in (clean, dirty)]
    assert leak[1] > 3 * leak[0]


def test_study_is_labelled_synthetic_and_survives_h5ad(tmp_path: Path) -> None:
    cells = tc.ds.planted(n_donors=1, n_controls=1, cells_per_donor=30, n_genes=700)
    assert "no patient's cells" in cells.uns["turncoat"]["synthetic"]
    cells.write_h5ad(tmp_path / "c.h5ad")
    read = tc.ds.planted_truth(ad.read_h5ad(tmp_path / "c.h5ad"))
    truth = tc.ds.planted_truth(cells)
    for name in truth.schemas:
        assert getattr(read, name).equals(getattr(truth, name)), name
    with pytest.raises(MissingKeyError, match="no result 'planted'"):
        tc.ds.planted_truth(ad.AnnData(np.ones((1, 1))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_donors": 0}, "n_donors >= 1"),
        ({"cells_per_donor": 0}, "cells_per_donor >= 1"),
        ({"tissues": ()}, "one or more different tissues"),
        ({"tissues": ("a", "a")}, "one or more different tissues"),
        ({"donor_spread": -1.0}, "donor_spread"),
        ({"seed": -1}, "seed"),
        ({"n_genes": 20}, "needs at least"),
        ({"depth": 0.0}, "depth must be positive"),
        ({"ambient": 1.0}, "ambient within"),
        ({"cells_per_donor": 10**6}, "too many for memory"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tc.ds.planted(**changes)  # type: ignore[arg-type]


def test_bad_plans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no population 'NKT'"):
        Shift("NKT", 1.0)
    with pytest.raises(ArgumentError, match="No programmes are known for 'Mast'"):
        Switch("Mast")
    with pytest.raises(ArgumentError, match="No response 'WNTS'"):
        Edge("NK", "WNT1", "Tumour", "FZD1", "WNTS")
    with pytest.raises(ArgumentError, match="Cells are written to"):
        tc.ds.write_planted(tmp_path / "c.loom", n_genes=700, cells_per_donor=10)
    assert len(role_genes(Plan())) == len(set(role_genes(Plan())))
