"""SBML in: the core subset runs as libroadrunner runs it, the rest is refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest

from turncoat.errors import FileFormatError, MissingFileError, ModelError
from turncoat.simulate.engine.simulator import Simulator

antimony = pytest.importorskip("antimony")
pytest.importorskip("libsbml")

from turncoat.simulate.engine.sbml import read_sbml  # noqa: E402


def sbml_of(text: str) -> str:
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise AssertionError(antimony.getLastError())
    return str(antimony.getSBMLString(antimony.getMainModuleName()))


RUN_BY_BOTH = {
    "concentrations": """
        compartment C = 2; species A in C, B in C; A = 3; B = 0; k = 0.4
        move: A -> 2 B; k * A * C""",
    "amounts": """
        compartment C = 2; substanceOnly species A in C, B in C; A = 3; B = 1
        move: A -> B; 0.3 * A / (1 + B)""",
    "functions and rules": """
        function hill(x, k, n) x^n / (k^n + x^n) end
        compartment C = 1; species A in C; A = 1; rate := hill(A, 0.5, 2.5); B' = rate - 0.1 * B; B = 0
        make: -> A; 1; lose: A -> ; rate * A""",
    "piecewise in time": """
        compartment C = 1; species A in C; A = 1
        feed: -> A; piecewise(2, time < 3, 0); lose: A -> ; 0.5 * A""",
    "event in time": """
        compartment C = 1; species A in C; A = 1
        lose: A -> ; 0.5 * A
        at time >= 2.5: A = A + 4""",
    "event on a state": """
        compartment C = 1; species A in C; A = 0; k = 1
        make: -> A; k
        at A > 2: A = 0.5, k = k / 2""",
    "initial assignments": """
        compartment C = 1; species A in C; k = 2; A = 3 * k; h := k / 4
        lose: A -> ; h * A""",
    "boundary species": """
        compartment C = 1; species $S in C, A in C; S = 5; A = 0
        make: S -> A; 0.1 * S; lose: A -> ; 0.2 * A""",
    "transcendental functions": """
        compartment C = 1; species A in C; A = 1
        wave: -> A; 1 + sin(time) * exp(-time / 5) + ln(2 + cos(time)) + sqrt(abs(time - 3))
        lose: A -> ; tanh(A) + log10(1 + A)""",
}


@pytest.mark.parametrize("name", RUN_BY_BOTH)
@pytest.mark.parametrize("method", ["rodas4", "rodas5p", "dopri5"])
def test_core_models_run_as_in_libroadrunner(name: str, method: str) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    text = sbml_of(RUN_BY_BOTH[name])
    simulator = Simulator(read_sbml(text, allow_missing_units=True))
    times = np.linspace(0.0, 10.0, 38)
    found = simulator.integrate(times, method=method, rtol=1e-8, atol=1e-11)  # type: ignore[arg-type]
    referee = roadrunner.RoadRunner(text)
    referee.integrator.relative_tolerance, referee.integrator.absolute_tolerance = 1e-10, 1e-13
    referee.integrator.maximum_time_step = 0.01
    concentrations = [
        f"[{n}]" if n in referee.model.getFloatingSpeciesIds() and name != "amounts" else n
        for n in simulator.form.state_names
    ]
    referee.timeCourseSelections = ["time", *concentrations]
    true = np.asarray(referee.simulate(0.0, 10.0, 38))[:, 1:]
    assert found.status[0] == 0
    np.testing.assert_allclose(found.states[0], true, rtol=2e-4, atol=1e-6)


REFUSED = {
    "delay of event": "compartment C = 1; species A in C; A = 1; at 2 after time > 1: A = 2",
    "priority of event": "compartment C = 1; species A in C; A = 1; at time > 1, priority = 2: A = 2",
    "'delay'": "compartment C = 1; species A in C; A = 1; lose: A -> ; delay(A, 1)",
}


@pytest.mark.parametrize("feature", REFUSED)
def test_unsupported_features_are_refused_by_name(feature: str) -> None:
    with pytest.raises(ModelError, match=feature):
        read_sbml(sbml_of(REFUSED[feature]))


def level_3_1(text: str) -> str:
    """The same model as level 3 version 1, where reactions may be fast."""
    libsbml = pytest.importorskip("libsbml")
    document = libsbml.readSBMLFromString(text)
    document.setLevelAndVersion(3, 1, False)
    return str(libsbml.writeSBMLToString(document))


def test_algebraic_rules_and_fast_reactions_are_refused() -> None:
    plain = level_3_1(
        sbml_of("compartment C = 1; species A in C; A = 1; var k = 1; lose: A -> ; k * A")
    )
    rule = (
        '<listOfRules><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>'
        "<minus/><ci>A</ci><ci>k</ci></apply></math></algebraicRule></listOfRules>"
    )
    with pytest.raises(ModelError, match="an algebraic rule"):
        read_sbml(plain.replace("<listOfReactions>", rule + "<listOfReactions>"))
    with pytest.raises(ModelError, match="fast reaction 'lose'"):
        read_sbml(plain.replace('fast="false"', 'fast="true"'))


def test_files_that_are_no_sbml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no SBML file"):
        read_sbml(tmp_path / "absent.xml")
    with pytest.raises(FileFormatError, match="not valid SBML"):
        read_sbml("<sbml>")


def test_a_parameter_without_a_value_is_refused() -> None:
    with pytest.raises(ModelError, match="'k' has no value"):
        read_sbml(sbml_of("compartment C = 1; species A in C; A = 1; var k; lose: A -> ; k * A"))


WITH_UNITS = """
    unit day = 86400 second; unit per_day = 1 / day; unit volume = litre
    unit substance = item; unit extent = item; unit time_unit = 86400 second
    compartment C = 1; substanceOnly species A in C; A = 1; k = 2; k has per_day
    lose: A -> ; k * A"""


def test_symbols_without_a_unit_are_named() -> None:
    whole = sbml_of(WITH_UNITS)
    assert read_sbml(whole).state_names == ["A"]
    with pytest.raises(ModelError, match=r"no unit for parameter 'k'\. .*allow_missing_units"):
        read_sbml(whole.replace(' units="per_day"', ""))
    with pytest.raises(ModelError, match="no unit for time"):
        read_sbml(re.sub(' timeUnits="[^"]*"', "", whole))
    with pytest.raises(
        ModelError, match="species 'A', parameter 'k', compartment 'C', time, extent"
    ):
        read_sbml(sbml_of("compartment C = 1; species A in C; A = 1; k = 2; lose: A -> ; k * A"))
    bare = sbml_of("compartment C = 1; species A in C; A = 1; k = 2; lose: A -> ; k * A")
    assert read_sbml(bare, allow_missing_units=True).constant_names == ["k", "C"]


def test_a_long_list_of_symbols_without_a_unit_is_cut() -> None:
    many = "; ".join(f"k{n} = {n}" for n in range(30))
    with pytest.raises(ModelError, match="and 22 more"):
        read_sbml(sbml_of(f"compartment C = 1; {many}; species A in C; A = 1; lose: A -> ; k1 * A"))
