import numpy as np
import pytest
from scipy import stats as oracle

from turncoat.errors import DesignError
from turncoat.stats.clustered import clustered_contrast

DIFFERENCE = np.array([1.0, -1.0])
ARMS = np.repeat([0, 1], [6, 9])


def test_donors_of_one_value_each_give_welchs_error_and_pairs_students() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(1, 1, 6), rng.normal(0, 2, 9)
    found = clustered_contrast(
        np.append(x, y), ARMS, DIFFERENCE, [f"d{i}" for i in range(15)], np.ones(15)
    )
    assert found.effect[0] == pytest.approx(x.mean() - y.mean())
    assert found.error[0] == pytest.approx(np.sqrt(x.var(ddof=1) / 6 + y.var(ddof=1) / 9))
    z = y[:6]
    paired = clustered_contrast(
        np.append(x, z), np.repeat([0, 1], 6), DIFFERENCE, [f"d{i}" for i in range(6)] * 2, np.ones(12)
    )  # fmt: skip
    wanted = oracle.ttest_rel(x, z)
    assert paired.effect[0] / paired.error[0] == pytest.approx(wanted.statistic)
    assert paired.freedom[0] == pytest.approx(wanted.df)


def test_neither_order_nor_unit_nor_a_donors_level_given_to_all_its_groups_matters() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.normal(size=20), np.tile([0, 1], 10)
    donors = [f"d{i // 2}" for i in range(20)]
    weights = np.repeat(rng.uniform(0.2, 1, 10), 2)
    found = clustered_contrast(values, groups, DIFFERENCE, donors, weights)
    turned = rng.permutation(20)
    again = clustered_contrast(
        3 * values[turned], groups[turned], DIFFERENCE, [donors[i] for i in turned], weights[turned]
    )
    assert again.error[0] == pytest.approx(3 * found.error[0])
    assert again.freedom[0] == pytest.approx(found.freedom[0])
    lifted = values + np.repeat(rng.normal(size=10), 2)
    same = clustered_contrast(lifted, groups, DIFFERENCE, donors, weights)
    assert same.error[0] == pytest.approx(found.error[0])
    with pytest.raises(DesignError, match="needs a value"):
        clustered_contrast(values, groups * 0, DIFFERENCE, donors, weights)
