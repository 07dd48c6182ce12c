"""Arms in words and as objects, their mistakes, and what they do to the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.errors import ArgumentError, ModelError
from turncoat.simulate.mouse import mouse, tolerances, values
from turncoat.simulate.schedule import Arm, Dose, Knockout, Surgery, known_drug
from turncoat.simulate.words import parse_arm
from turncoat.tables import FloatArray


def test_the_example_of_the_documentation_reads_as_it_says() -> None:
    arm = parse_arm("lgk974 5 mg/kg daily d14-28 + anti_pdl1 10 mg/kg q3d", end=42)
    lgk, antibody = arm.items
    assert isinstance(lgk, Dose)
    assert isinstance(antibody, Dose)
    assert lgk.days == tuple(float(day) for day in range(14, 28))
    assert antibody.days == tuple(float(day) for day in range(0, 42, 3))
    assert (lgk.amount, antibody.amount) == (5.0, 10.0)


@pytest.mark.parametrize(
    ("words", "drug", "days", "amount", "duration"),
    [
        ("dox 5 mg/kg d14,d21", "doxorubicin", (14.0, 21.0), 5.0, 0.0),
        ("dox 5 mg/kg d14,21", "doxorubicin", (14.0, 21.0), 5.0, 0.0),
        ("paclitaxel 10 mg/kg over 3h d7", "paclitaxel", (7.0,), 10.0, 0.125),
        ("LGK-974 500 ug/kg q12h d0-1", "lgk974", (0.0, 0.5), 0.5, 0.0),
        ("anti-PD-L1 weekly d7-", "anti_pdl1", (7.0, 14.0), 10.0, 0.0),
    ],
)
def test_words_are_read(
    words: str, drug: str, days: tuple[float, ...], amount: float, duration: float
) -> None:
    (dose,) = parse_arm(words, end=20).items
    assert dose == Dose(drug, amount, days, duration)


def test_procedures_are_read() -> None:
    assert parse_arm("mastectomy d30", end=60).items == (Surgery(30.0),)
    assert parse_arm("nk_wnt_ko d5-9", end=60).items == (Knockout(start=5.0, end=9.0),)
    assert parse_arm("control", end=60) == Arm("control")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("lgk947 5 mg/kg", "Did you mean 'lgk974'"),
        ("dox 5 mg/m2 weekly", "takes mg/kg"),
        ("dox 5 mg/kg weakly d14-28", "'weakly' was not understood"),
        ("dox 5 mg/kg d28-14", "ends before it begins"),
        ("dox 5 mg/kg weekly d14,d21", "lists days and says how often"),
        ("mastectomy", "should name the day"),
        ("", "An arm is empty"),
    ],
)
def test_words_that_cannot_be_read_say_why(words: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        parse_arm(words, end=42)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dox -5 mg/kg d14", "0 mg/kg or more"),
        ("dox 5 mg/kg d-3", "day 0 or later"),
        ("dox 5 mg/kg d14,d14", "overlap"),
        ("paclitaxel 5 mg/kg over 2d d14,d15", "overlap"),
        ("dox 5 mg/kg d14 + dox 3 mg/kg d14", "overlap"),
        ("paclitaxel 5 mg/kg over 5d d10 + paclitaxel 5 mg/kg d12", "overlap"),
    ],
)
def test_doses_that_cannot_be_given_are_refused(words: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_arm(words, end=42)


def test_objects_are_checked_too() -> None:
    with pytest.raises(ModelError, match="end after it starts"):
        Knockout(start=5.0, end=2.0)
    with pytest.raises(ModelError, match="on no day"):
        Dose("doxorubicin", 5.0, ())
    with pytest.raises(ModelError, match="cannot take"):
        Dose("doxorubicin", 5.0, (1.0,), -1.0)
    with pytest.raises(ArgumentError, match="no drug 'mastectomi'"):
        known_drug("mastectomi")
    with pytest.raises(ModelError, match=r"'r_stem' should lie between 0.01 and 3 per_day; got 9"):
        values("thacker", {"r_stem": 9.0})
    with pytest.raises(ModelError, match="Did you mean 'r_stem'"):
        values("thacker", {"r_stemm": 1.0})
    with pytest.raises(ArgumentError, match="Did you mean 'thacker'"):
        values("thaker")


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(0.0, 20.0), min_size=1, max_size=6, unique_by=lambda d: round(d, 2)),
    st.floats(0.1, 20.0),
    st.sampled_from([0.0, 0.004]),
)
def test_every_dose_arrives_once_and_whole(
    days: list[float], amount: float, duration: float
) -> None:
    """With nothing eliminated, what is in the body is what the ledger says was given."""
    model = mouse()
    arm = Arm("x", (Dose("doxorubicin", amount, tuple(round(d, 2) for d in days), duration),))
    still = {"ke_dox": 0.0, "kin_dox": 0.0}
    times = np.array([0.0, 5.0, 10.0, 21.0])
    solution = model.integrate(
        times, constants=model.constants(still), actions=arm.actions(model), rtol=1e-9,
        atol=tolerances(),
    )  # fmt: skip
    states = solution.states[0]
    body = states[:, model.state("dox_central")] + states[:, model.state("dox_peripheral")]
    ledger = arm.ledger()
    for k, day in enumerate(times):
        over = ledger["day"] + ledger["duration"] <= day
        begun = ledger["day"] <= day
        if (over == begun).all():
            given_by_then = float(ledger.loc[over, "amount"].sum())
            assert body[k] == pytest.approx(given_by_then, rel=1e-9, abs=1e-9)


def test_windows_are_half_open_and_surgery_takes_its_share() -> None:
    model, p = mouse(), mouse().constants()
    arm = Arm("x", (Knockout(start=10.0, end=20.0), Surgery(15.0)))
    actions = arm.actions(model)
    assert list(actions.time[[0, -1]]) == [10.0, 20.0]
    times = np.array([0.0, 14.999, 15.0])
    solution = model.integrate(times, constants=p, actions=actions, rtol=1e-8, atol=tolerances())
    stem = solution.states[0, :, model.state("stem")]
    assert stem[2] / stem[1] == pytest.approx(p[0, model.constant("surgery_residual")], rel=1e-3)


def dosed_reference(sbml: str, arm: Arm, times: FloatArray) -> FloatArray:
    """Give the doses to libroadrunner from outside, between its own integrations."""
    roadrunner = pytest.importorskip("roadrunner")
    referee = roadrunner.RoadRunner(sbml)
    referee.integrator.relative_tolerance, referee.integrator.absolute_tolerance = 1e-9, 1e-13
    model = mouse()
    names = model.form.state_names
    targets = {"lgk974": "lgk_gut", "doxorubicin": "dox_central", "anti_pdl1": "antipdl1_central",
               "anti_nk": "antink", "anti_cd25": "anticd25", "paclitaxel": "ptx_central"}  # fmt: skip
    acts = [
        (day, targets[item.drug], item.amount)
        for item in arm.items
        if isinstance(item, Dose)
        for day in item.days
    ]
    parts = ("stem", "bulk", "dead", "nk_immature", "nk_mature", "treg_primary", "cd8_primary")
    cuts = {item.day for item in arm.items if isinstance(item, Surgery)}
    referee.timeCourseSelections = ["time", *names]
    stops = sorted({*times, *cuts, *(a[0] for a in acts)})
    rows, t = {}, 0.0
    for stop in stops:
        if stop > t:
            referee.simulate(t, stop, 2)
            t = stop
        for name in parts if stop in cuts else ():
            referee[name] = referee[name] * 0.005
        for _, name, amount in (a for a in acts if a[0] == stop):
            referee[name] = referee[name] + amount
        rows[stop] = [referee[name] for name in names]
    return np.array([rows[time] for time in times])


@pytest.mark.parametrize("context", ["thacker", "kep", "4t1"])
@pytest.mark.parametrize(
    "words",
    [
        "lgk974 5 mg/kg daily d14-28 + doxorubicin 5 mg/kg weekly d14-42",
        "anti_pdl1 10 mg/kg q3d d14-42 + anti_nk 10 mg/kg q3d d14-42",
        "anti_cd25 10 mg/kg q3d + paclitaxel 10 mg/kg d20,d27 + mastectomy d30",
    ],
)
def test_libroadrunner_agrees_in_every_context_and_schedule(context: str, words: str) -> None:
    from pathlib import Path

    import turncoat

    sbml = (Path(turncoat.__file__).parent / "simulate/model/turncoat.xml").read_text("utf-8")
    libsbml = pytest.importorskip("libsbml")
    model, times = mouse(), np.arange(0.0, 61.0, 5.0) + 0.5
    times[0] = 0.0
    document = libsbml.readSBMLFromString(sbml)
    centre = values(context)
    for name in model.form.constant_names:
        if name in centre:
            document.getModel().getParameter(name).setValue(centre[name])
    arm = parse_arm(words, end=60)
    true = dosed_reference(libsbml.writeSBMLToString(document), arm, times)
    known = {k: v for k, v in centre.items() if k in model.form.constant_names}
    found = model.integrate(
        times, constants=model.constants(known), actions=arm.actions(model), rtol=1e-6,
        atol=tolerances() * 1e-2,
    ).states[0]  # fmt: skip
    scale = np.abs(true) + 1e-3 * np.abs(true).max(axis=0) + 1e-9
    assert (np.abs(found - true) / scale).max() < 1e-4
