"""Virtual trials: paired, reproducible, complete about what was left out."""

import sys

import numpy as np
import pandas as pd
import pytest

import turncoat as tc
from turncoat.errors import ArgumentError, DroppedDataWarning, ModelError
from turncoat.simulate import trial as trial_module
from turncoat.simulate.result import Trial

ARMS = {"control": "control", "lgk974": "lgk974 5 mg/kg daily d14-42"}


def run(**changes: object) -> Trial:
    arguments: dict[str, object] = {"n_mice": 20, "seed": 3, "days": 30.0} | changes
    return tc.sim.trial("thacker", ARMS, **arguments)  # type: ignore[arg-type]


def test_arms_share_their_mice() -> None:
    found = run()
    control, treated = found.in_arm("control"), found.in_arm("lgk974")
    assert list(control.index) == list(treated.index)
    before = found.times < 14
    np.testing.assert_allclose(
        found.curve("volume", "control")[:, before], found.curve("volume", "lgk974")[:, before],
        rtol=1e-4,
    )  # fmt: skip
    assert (found.in_arm("control")["change"] == 0).all()


def test_chunks_threads_and_company_do_not_change_a_mouse(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run()
    assert exact(run(threads=2)) == exact(whole)
    monkeypatch.setattr(trial_module, "CHUNK", 7)
    assert exact(run(threads=2)) == exact(whole)
    few = run(n_mice=5).table
    kept = whole.table[whole.table["mouse"].isin(few["mouse"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, few, check_exact=True)


def exact(found: Trial) -> bytes:
    """Every bit of a trial's table and curves."""
    numbers = found.table.select_dtypes("number").to_numpy(float).tobytes()
    return numbers + "".join(found.table["status"]).encode() + found.curves.tobytes()


def test_two_dask_workers_give_the_same_to_the_last_bit() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = run(client=client, n_mice=300)
        used = client.run(lambda: "turncoat.simulate.trial" in sys.modules)
    threaded = run(threads=2, n_mice=300)
    assert list(used.values()) == [True, True]
    pd.testing.assert_frame_equal(found.table, threaded.table, check_exact=True)
    assert exact(found) == exact(threaded) == exact(run(n_mice=300))


def test_another_seed_is_another_population() -> None:
    assert not np.allclose(run().table["volume"], run(seed=4).table["volume"])


def test_without_spread_only_chance_differs() -> None:
    volumes = run(spread=0.0, n_mice=4).in_arm("control")["volume"]
    assert volumes.max() == volumes.min()


def test_what_did_not_grow_is_listed() -> None:
    found = run(days=20.0)
    assert set(found.dropped["reason"]) <= {
        "a parameter out of its range", "no tumour in the control arm",
    }  # fmt: skip
    assert found.params["rejected"] == len(found.dropped) > 0
    assert not set(found.dropped["mouse"]) & set(found.table["mouse"])


def test_a_mouse_that_fails_is_counted_and_the_trial_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from turncoat.simulate.engine.simulator import Simulator
    from turncoat.simulate.mouse import mouse

    real = mouse().integrate

    def failing(self: object, *arguments: object, **named: object) -> object:
        solution = real(*arguments, **named)  # type: ignore[arg-type]
        if named["actions"].time.size and solution.status.size:  # type: ignore[attr-defined]
            solution.status[0] = 3
            solution.states[0, 20:] = np.nan
        return solution

    monkeypatch.setattr(Simulator, "integrate", failing)
    with pytest.warns(DroppedDataWarning, match="of 40 runs failed"):
        found = run()
    failed = found.table[found.table["status"] != "done"]
    assert 0 < len(failed) < 20
    assert set(failed["status"]) == {"not_finite"}
    assert failed["volume"].isna().all()
    assert failed["node_colonies"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_mice": 0}, "'n_mice' should be 1"),
        ({"seed": -1}, "'seed' should be"),
        ({"days": 0.0}, "'days' should be 1 or more"),
        ({"endpoint": 0.0}, "'endpoint' should be"),
        ({"spread": -1.0}, "'spread' should lie"),
    ],
)
def test_bad_numbers_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        run(**arguments)


def test_bad_arms_and_contexts_are_refused() -> None:
    with pytest.raises(ArgumentError, match="at least one arm"):
        tc.sim.trial("thacker", [])
    with pytest.raises(ArgumentError, match="same name"):
        tc.sim.trial("thacker", ["control", "control"])
    with pytest.raises(ArgumentError, match="Did you mean 'kep'"):
        tc.sim.trial("kepp", ["control"])
    with pytest.raises(ModelError, match="should lie between"):
        tc.sim.trial("thacker", ["control"], changes={"p_renew": 2.0})


def test_a_model_without_tumours_says_so() -> None:
    with pytest.raises(ModelError, match="candidate mice grew a tumour"):
        tc.sim.trial("thacker", ["control"], n_mice=2, days=2.0)


def test_as_anndata_every_curve_is_a_layer() -> None:
    found = run(n_mice=4)
    adata = found.to_anndata()
    assert adata.shape == (8, 31)
    # anndata 0.13 lists X among the layers, under None.
    assert set(adata.layers) - {None} == set(found.quantities)
    assert "never advice" in str(adata.uns["turncoat_trial"]["notice"])


def test_unknown_curves_and_arms_are_refused() -> None:
    found = run(n_mice=2)
    with pytest.raises(ArgumentError, match="Did you mean 'volume'"):
        found.curve("volumes", "control")
    with pytest.raises(ArgumentError, match="no arm 'x'"):
        found.in_arm("x")


def test_priors_have_the_correlations_listed() -> None:
    from turncoat.simulate.mouse import mouse, values
    from turncoat.simulate.population import draw_mice

    model = mouse()
    mice = draw_mice(model, values("thacker"), np.arange(4000), 5)

    def logs(name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.log(mice.constants[:, model.constant(name)])

    found = np.corrcoef(logs("k_nk_met_node"), logs("k_nk_met_lung"))[0, 1]
    assert found == pytest.approx(0.7, abs=0.03)
    assert logs("w_nk").std() == pytest.approx(0.3, abs=0.02)
    assert np.median(logs("w_nk")) == pytest.approx(np.log(1.5), abs=0.02)
