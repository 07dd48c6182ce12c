"""Edges, their tests and their oracles."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from turncoat.crosstalk.by_unit import by_unit_any, by_unit_mean
from turncoat.crosstalk.different import Differences, compare, same_units
from turncoat.crosstalk.families import hierarchical_qvalues
from turncoat.crosstalk.heard import Responses, activity, answers, standard_weights
from turncoat.crosstalk.labellings import Labellings, contrast_weights, leave_one_out_weights
from turncoat.crosstalk.moderation import adjust, group_medians, inverse_trigamma, variance_priors
from turncoat.crosstalk.pairs import find_pairs
from turncoat.crosstalk.science import specificity_pvalues
from turncoat.crosstalk.sides import joint_pvalue, of_edges
from turncoat.crosstalk.weights import strength_weights
from turncoat.errors import KnowledgeError, MissingKeyError
from turncoat.knowledge.registry import read_table
from turncoat.stats.multiplicity import hierarchical
from turncoat.stats.units import arrange

GOLDEN = Path(__file__).parent.parent / "golden" / "crosstalk"
NO_COVARIATES = np.empty((0, 0))


def test_complex_is_as_strong_as_its_weakest_subunit_whatever_the_order() -> None:
    # A peer took the first subunit instead of the minimum.
    for receptor in ("A_B", "B_A"):
        pairs = find_pairs(
            ["L", "A", "B"], "human", pd.DataFrame({"ligand": ["L"], "receptor": [receptor]})
        )
        level = np.array([[5.0, 4.0, 0.5], [5.0, 0.0, 9.0]])
        np.testing.assert_array_equal(pairs.receptors.weakest(level)[:, 0], [0.5, 0.0])
        np.testing.assert_array_equal(pairs.receptors.all_of(level > 1)[:, 0], [False, False])


def test_pairs_off_the_panel_are_listed_with_their_genes() -> None:
    table = pd.DataFrame({"ligand": ["L", "L", "M"], "receptor": ["A", "A_B", "A"]})
    pairs = find_pairs(["L", "A"], "human", table)
    assert pairs.table[["ligand", "receptor"]].to_numpy().tolist() == [["L", "A"]]
    assert pairs.missing["genes"].tolist() == ["B", "M"]


@pytest.mark.parametrize("name", ["", "A_", "_A", "A__B", None, 3])
def test_malformed_complex_is_refused(name: object) -> None:
    with pytest.raises(KnowledgeError, match="malformed receptor"):
        find_pairs(["L", "A"], "human", pd.DataFrame({"ligand": ["L"], "receptor": [name]}))


def test_pairs_without_a_column_or_a_known_gene_are_refused() -> None:
    with pytest.raises(MissingKeyError, match="no column 'receptor'"):
        find_pairs(["L"], "human", pd.DataFrame({"ligand": ["L"]}))
    with pytest.raises(KnowledgeError, match="No ligand-receptor pair has all its genes"):
        find_pairs(["X", "Y"], "human", pd.DataFrame({"ligand": ["L"], "receptor": ["A"]}))


def test_species_that_does_not_fit_is_named() -> None:
    with pytest.raises(KnowledgeError, match="is the tally's species, 'mouse', the right one"):
        find_pairs(["WNT5A", "FZD5", "TGFB1"], "mouse")
    with pytest.raises(KnowledgeError, match="no bundled pairs for species 'rat'"):
        find_pairs(["Wnt5a"], "rat")
    assert "Wnt5a" in find_pairs(["Wnt5a", "Fzd5", "Ror2"], "mouse").ligands.names


def test_bundled_pairs_are_clean() -> None:
    signals, removed = read_table("signals"), read_table("signals_removed")
    keys = ["species", "ligand", "receptor"]
    assert not signals.duplicated(keys).any()
    assert (removed["reason"] != "").all()
    assert signals.merge(removed, on=keys).empty
    human = signals[signals["species"] == "human"]
    assert len(human) > 3_500
    assert not {"PCNA", "HMGB1", "B2M", "CALM1"} & set(human["ligand"])
    wnts = {name for name in human["ligand"] if name.startswith("WNT")}
    assert len(wnts) >= 18
    assert human.loc[human["ligand"] == "WNT5A", "caution"].str.contains("Borcherding").all()
    machinery = read_table("machinery").query("species == 'human' and essential")
    for ligand in wnts:
        assert set(machinery.loc[machinery["ligand"] == ligand, "gene"]) == {"PORCN", "WLS"}
    antagonists = read_table("antagonists").query("species == 'human'")
    assert {"DKK1", "SFRP1", "NOTUM", "IL1RN", "DCN"} <= set(antagonists["antagonist"])
    assert "WNT5A" not in set(antagonists.query("antagonist == 'DKK1'")["ligand"])


@pytest.mark.parametrize(
    ("ligand", "receptor"),
    [
        ("IL10", "CD27"),
        ("IL10", "CD70"),
        ("IL10", "IFNLR1"),
        ("HLA-B", "CD3D"),
        ("HLA-DMA", "CD4"),
        ("CXCL8", "ADRA2A"),
        ("RLN2", "PTH1R"),
        ("ADO", "ADORA2A"),
        ("LPA", "LPAR1"),
        ("HRG", "ERBB3"),
        ("ADAM10", "MET"),
        ("CSF3", "CSF2RA"),
    ],
)
def test_wrong_pairs_are_out_with_their_reason(ligand: str, receptor: str) -> None:
    for name, there in (("signals", False), ("signals_removed", True)):
        table = read_table(name)
        mine = (table["ligand"] == ligand) & (table["receptor"] == receptor)
        assert mine.any() == there
    assert (table.loc[mine, "reason"] != "").all()


def test_no_receptor_holds_its_ligand_and_true_partners_stay() -> None:
    table = read_table("signals").query("species == 'human'")
    pairs = set(zip(table["ligand"], table["receptor"], strict=True))
    assert not [pair for pair in pairs if set(pair[0].split("_")) & set(pair[1].split("_"))]
    for kept in (
        ("IL10", "IL10RA_IL10RB"),
        ("IL18", "IL18R1_IL18RAP"),
        ("IL13", "IL13RA1_IL4R"),
        ("TSLP", "CRLF2_IL7R"),
        ("IL22", "IL10RB_IL22RA1"),
        ("PTHLH", "PTH1R"),
        ("ADM", "RAMP2"),
        ("HLA-E", "KLRC1_KLRD1"),
        ("CXCL8", "CXCR1"),
        ("IL16", "CD4"),
    ):
        assert kept in pairs


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6))
def test_hierarchical_rate_equals_the_plain_one(seed: int, n: int, n_families: int) -> None:
    draw = np.random.default_rng(seed)
    pvalues = np.where(draw.random(n) < 0.15, np.nan, draw.random(n) ** 3)
    families = draw.integers(0, n_families, n)
    expected, _ = hierarchical(pvalues, families)
    np.testing.assert_allclose(hierarchical_qvalues(pvalues, families), expected, rtol=1e-12)


def test_variances_are_moderated_as_in_limma() -> None:
    path = GOLDEN / "squeeze_variance.csv"
    first = path.read_text(encoding="utf-8").splitlines()[0].split()
    table = pd.read_csv(path, comment="#")
    n = len(table)
    # Two groups side by side, the second in another unit: each is fitted by itself.
    freedoms, priors = variance_priors(
        np.concatenate([table["var"], 4 * table["var"]]),
        np.tile(table["df"].to_numpy(dtype=float), 2),
        np.repeat([0, 1], n),
    )
    np.testing.assert_allclose(freedoms, float(first[2]), rtol=1e-6)
    np.testing.assert_allclose(priors / [1, 4], float(first[4]), rtol=1e-6)
    freedom, prior = freedoms[0], priors[0]
    post = (freedom * prior + table["df"] * table["var"]) / (freedom + table["df"])
    np.testing.assert_allclose(post, table["post"], rtol=1e-6)


@given(st.floats(1e-3, 1e3))
def test_inverse_trigamma_inverts(x: float) -> None:
    from scipy.special import polygamma

    found = inverse_trigamma(np.array([polygamma(1, x), polygamma(1, 3.0)]))
    assert found[0] == pytest.approx(x, rel=1e-6)
    assert found[1] == pytest.approx(3.0, rel=1e-9)


def test_priors_of_groups_that_say_nothing() -> None:
    variance = np.array([1.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    group = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    freedom, prior = variance_priors(variance, np.full(8, 4.0), group)
    assert freedom.tolist() == [0.0, np.inf, 0.0]
    assert prior[0] == prior[2] == 1.0
    np.testing.assert_array_equal(group_medians(variance, group), [1.5, 1.0, 0.0])


def test_single_edge_is_a_welch_test() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(11, 1))
    units = arrange([f"d{i}" for i in range(11)], np.arange(11) < 5)
    found = compare(values, units, np.empty((11, 0)), min_donors=3, n_permutations=0)
    expected = oracle.ttest_ind(values[:5, 0], values[5:, 0], equal_var=False)
    assert found.pvalue[0] == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval()
    assert found.lower[0] == pytest.approx(interval.low)
    assert found.upper[0] == pytest.approx(interval.high)


def test_pairs_are_a_paired_test() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(size=(14, 1))
    donors = [f"d{i}" for i in range(7)] * 2
    units = arrange(donors, np.arange(14) < 7, block="donor")
    found = compare(values, units, np.empty((14, 0)), min_donors=3, n_permutations=0)
    assert found.pvalue[0] == pytest.approx(oracle.ttest_rel(values[:7, 0], values[7:, 0]).pvalue)


def test_permutation_pvalue_is_exact() -> None:
    draw = np.random.default_rng(2)
    values = draw.normal(size=(8, 3))
    units = arrange([f"d{i}" for i in range(8)], np.arange(8) < 4)
    found = Labellings.of(units, 999, leave_out=False).pvalues(values)
    for edge in range(3):
        expected = oracle.permutation_test(
            (values[:4, edge], values[4:, edge]),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            vectorized=True,
            n_resamples=10_000,
        )
        assert found[edge] == pytest.approx(expected.pvalue)


def test_sign_and_unit_do_not_matter() -> None:
    draw = np.random.default_rng(3)
    values = draw.normal(size=(9, 80))
    case = np.arange(9) < 4
    names = [f"d{i}" for i in range(9)]
    no = np.empty((9, 0))
    one = compare(values, arrange(names, case), no, min_donors=3, n_permutations=199)
    two = compare(-3 * values, arrange(names, case), no, min_donors=3, n_permutations=199)
    other = compare(values, arrange(names, ~case), no, min_donors=3, n_permutations=199)
    for found in (two, other):
        np.testing.assert_allclose(found.permutation, one.permutation)
        np.testing.assert_allclose(np.sign(found.change), -np.sign(one.change))
    np.testing.assert_allclose(other.pvalue, one.pvalue)
    np.testing.assert_allclose(other.weakest, -one.weakest)


def test_leaving_out_a_donor_shows_who_carries_the_finding() -> None:
    values = np.array([[9.0, 1.0], [0.0, 1.1], [0.0, 0.9], [0.0, 0.0], [0.1, 0.1], [0.2, -0.1]])
    units = arrange(list("abcdef"), np.arange(6) < 3)
    found = compare(values, units, np.empty((6, 0)), min_donors=3, n_permutations=0)
    assert found.change[0] == pytest.approx(2.9)
    assert found.weakest[0] == pytest.approx(-0.1)
    assert found.weakest[1] > 0.9


def whole_edges(change: list[float], pvalue: list[float]) -> Differences:
    none = Differences.none(len(change))
    none.change[:], none.pvalue[:] = change, pvalue
    return none


def test_smallest_of_three_pvalues_counts_three_times() -> None:
    whole = whole_edges([1.0, 1.0, -1.0, 1.0], [0.01, 0.2, 0.2, np.nan])
    ligand = [np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.5, 0.002, 0.002, 0.1])]
    receptor = [np.array([np.nan, 0.0, -1.0, 1.0]), np.array([np.nan, 1.0, 0.03, 0.1])]
    rates = np.array([0.9, 0.04, 0.04, 0.5]), np.array([np.nan, 1.0, 0.3, 0.5])
    joint, rate = joint_pvalue(whole, ([*ligand, rates[0]], [*receptor, rates[1]]))
    # The third: the ligand moves against the whole edge and does not count, the receptor leads.
    np.testing.assert_allclose(joint, [0.03, 0.006, 0.09, np.nan])
    np.testing.assert_allclose(rate[:3], [0.0, 0.04, 0.3])


def test_sides_are_adjusted_once_however_many_edges_share_them() -> None:
    change, pvalue = np.ones((2, 3)), np.array([[0.01, 0.5, 0.9], [0.4, 0.001, np.nan]])
    population, number = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    _, p, q = of_edges((change, pvalue), population, number)
    np.testing.assert_array_equal(p, [0.01, 0.01, 0.5, 0.4])
    # Three sides are in use, (1, 1) is not: its p-value plays no part.
    np.testing.assert_allclose(q, [0.03, 0.03, 0.5, 0.5])


@given(st.integers(0, 10**6))
def test_weights_average_one_and_know_nothing_of_the_arms(seed: int) -> None:
    draw = np.random.default_rng(seed)
    strength = np.where(draw.random((8, 20)) < 0.2, np.nan, draw.random((8, 20)))
    weight = strength_weights(strength)
    assert weight.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(strength_weights(draw.permutation(strength)), weight)
    np.testing.assert_array_equal(strength_weights(np.zeros((4, 2))), [1.0, 1.0])


def test_units_where_an_edge_is_not_measured_are_left_out() -> None:
    draw = np.random.default_rng(4)
    values = draw.normal(size=(10, 4))
    values[0, 1] = values[9, 1] = np.nan
    values[:3, 2] = np.nan
    assert sum(edges.size for _, edges in same_units(values)) == 4
    units = arrange([f"d{i}" for i in range(10)], np.arange(10) < 5)
    found = compare(values, units, np.empty((10, 0)), min_donors=3, n_permutations=0)
    assert found.change[1] == pytest.approx(values[1:5, 1].mean() - values[5:9, 1].mean())
    assert (found.n_case[1], found.n_reference[1]) == (4, 4)
    assert np.isnan(found.pvalue[2])
    assert found.n_case[2] == 0


def test_identical_donors_are_not_tested() -> None:
    units = arrange([f"d{i}" for i in range(8)], np.arange(8) < 4)
    found = compare(np.ones((8, 5)), units, np.empty((8, 0)), min_donors=3, n_permutations=99)
    assert np.isnan(found.pvalue).all()
    assert (found.permutation == 1).all()


def test_covariates_are_adjusted_as_in_regression() -> None:
    draw = np.random.default_rng(5)
    case = np.arange(12) < 6
    age = draw.normal(size=12) + case
    values = draw.normal(size=(12, 3)) + 2 * age[:, np.newaxis]
    units = arrange([f"d{i}" for i in range(12)], case)
    adjusted, lost = adjust(values, units, age[:, np.newaxis])
    design = np.column_stack([np.ones(12), case, age])
    expected = np.linalg.lstsq(design, values, rcond=None)[0][1]
    np.testing.assert_allclose(adjusted[:6].mean(axis=0) - adjusted[6:].mean(axis=0), expected)
    assert lost.freedom == 1
    precise = np.linalg.inv(design.T @ design)[1, 1] / (1 / 6 + 1 / 6)
    assert lost.inflation == pytest.approx(np.sqrt(precise))
    again, twice = adjust(values, units, np.column_stack([age, 2 * age]))
    np.testing.assert_allclose(again[:6].mean(axis=0) - again[6:].mean(axis=0), expected)
    assert twice.freedom == 1
    nothing = compare(
        values, units, case[:, np.newaxis].astype(float), min_donors=3, n_permutations=0
    )
    assert np.isnan(nothing.pvalue).all()


def test_specificity_is_a_one_sample_test_over_donors() -> None:
    draw = np.random.default_rng(6)
    level = draw.normal(size=(6, 3, 2))
    found = specificity_pvalues(level, np.ones((6, 3), dtype=bool), np.arange(6))
    excess = level[:, 0] - level[:, 1:].mean(axis=1)
    expected = oracle.ttest_1samp(excess, 0, alternative="greater").pvalue
    np.testing.assert_allclose(found[0], expected)
    same = specificity_pvalues(np.ones((4, 2, 1)), np.ones((4, 2), dtype=bool), np.arange(4))
    assert np.isnan(same).all()


def test_samples_of_a_unit_are_averaged_where_measured() -> None:
    values = np.array([[1.0], [3.0], [100.0], [7.0]])
    known = np.array([[True], [True], [False], [False]])
    unit = np.array([0, 0, 0, 1])
    np.testing.assert_array_equal(by_unit_mean(values, known, unit), [[2.0], [np.nan]])
    np.testing.assert_array_equal(by_unit_any(known, unit), [[True], [False]])


def test_answers_are_partial_correlations() -> None:
    draw = np.random.default_rng(7)
    n = 15
    shared = draw.normal(size=(n, 2))
    own = draw.normal(size=(n, 4))
    signal = draw.normal(size=(n, 4)) + own
    response = 0.8 * signal + draw.normal(size=(n, 4)) + shared[:, :1]
    arm = (np.arange(n) < 7).astype(float)
    found = answers(signal, response, own, shared, arm)
    for test in range(4):
        design = np.column_stack([signal[:, test], np.ones(n), shared, own[:, test]])
        coefficient, square, _, _ = np.linalg.lstsq(design, response[:, test], rcond=None)
        freedom = n - design.shape[1]
        error = np.sqrt(square[0] / freedom * np.linalg.inv(design.T @ design)[0, 0])
        expected = 2 * oracle.t.sf(abs(coefficient[0] / error), freedom)
        assert found.pvalue[test] == pytest.approx(expected, rel=1e-8)
        assert np.sign(found.correlation[test]) == np.sign(coefficient[0])
        assert found.freedom[test] == freedom


def test_answer_of_the_arms_alone_is_seen_through() -> None:
    draw = np.random.default_rng(8)
    arm = (np.arange(40) < 20).astype(float)
    signal = draw.normal(size=(40, 200)) + 3 * arm[:, np.newaxis]
    response = draw.normal(size=(40, 200)) + 3 * arm[:, np.newaxis]
    found = answers(signal, response, np.zeros((40, 200)), np.empty((40, 0)), arm)
    assert (found.pvalue < 0.05).mean() > 0.95
    assert (found.within_pvalue < 0.05).mean() < 0.12


def test_unrelated_responses_are_rejected_as_often_as_declared() -> None:
    draw = np.random.default_rng(9)
    signal, response, own = draw.normal(size=(3, 14, 4_000))
    shared = draw.normal(size=(14, 3))
    found = answers(signal, response, own, shared, np.arange(14) % 2 * 1.0)
    assert (found.pvalue <= 0.05).mean() == pytest.approx(0.05, abs=0.012)
    assert (found.held_out > 0).mean() < 0.5


def test_few_donors_give_no_answer() -> None:
    draw = np.random.default_rng(10)
    signal, response = draw.normal(size=(2, 6, 3))
    found = answers(signal, response, response, draw.normal(size=(6, 2)), np.zeros(6))
    assert np.isnan(found.pvalue).all()


def test_depth_moves_no_response() -> None:
    genes = tuple(f"g{i}" for i in range(30))
    table = pd.DataFrame({"r": [1.0] * 5 + [-0.5] * 2}, index=list(genes[:7]))
    responses = standard_weights(table, genes)
    assert isinstance(responses, Responses)
    assert responses.coverage.tolist() == [1.0]
    level = np.random.default_rng(11).random((5, 1, 30)) + 1
    known = np.ones((5, 1), dtype=bool)
    deeper = level + np.arange(5)[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(
        activity(level, known, responses), activity(deeper, known, responses), atol=1e-12
    )


def test_response_that_the_panel_lacks_is_not_usable() -> None:
    table = pd.DataFrame({"r": np.ones(20)}, index=[f"g{i}" for i in range(20)])
    assert not standard_weights(table, ("g0", "g1", "x")).usable[0]
    assert standard_weights(table, tuple(f"g{i}" for i in range(8))).usable[0]


@pytest.mark.parametrize("n_case", [2, 5])
def test_leaving_out_each_single_donor_at_once_is_leaving_them_out_in_turn(n_case: int) -> None:
    donors = list("gbfaced")
    units = arrange(donors, [number < n_case for number in range(7)])
    rows = leave_one_out_weights(units)
    for row, donor in zip(rows, sorted(donors), strict=True):
        keep = np.array(donors) != donor
        rest = units.take(keep)
        expected = np.zeros(7)
        expected[keep] = contrast_weights(rest.case[np.newaxis, :], rest)[0]
        np.testing.assert_allclose(row, expected, rtol=1e-15, atol=1e-16)
    assert np.isnan(leave_one_out_weights(arrange(list("abc"), [True, False, False]))).all()
