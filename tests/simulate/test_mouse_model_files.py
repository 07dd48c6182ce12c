"""The shipped model says the same in all its forms: tables, SBML, JSON, generated code."""

import csv
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import turncoat
from turncoat.simulate.engine import cache
from turncoat.simulate.engine.codegen import generate
from turncoat.simulate.engine.form import from_json
from turncoat.simulate.engine.simulator import Simulator

ROOM = Path(turncoat.__file__).parent / "simulate"
SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "build_mouse_model.py"
STATUSES = {"measured", "scaled", "assumed", "calibrated"}


@pytest.fixture(scope="module")
def sbml() -> str:
    return (ROOM / "model" / "turncoat.xml").read_text(encoding="utf-8")


def rows() -> list[dict[str, str]]:
    with (ROOM / "model" / "parameters.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_sbml_form_and_module_are_those_of_the_text(sbml: str) -> None:
    pytest.importorskip("antimony")
    from turncoat.simulate.engine.sbml import read_sbml

    script = runpy.run_path(str(SCRIPT))
    assert sbml == script["sbml_text"]()
    form = read_sbml(sbml)
    assert form.to_json() + "\n" == (ROOM / "model" / "turncoat.json").read_text(encoding="utf-8")
    shipped = (ROOM / "generated" / "turncoat.py").read_text(encoding="utf-8")
    assert generate(form) == shipped


def test_sbml_is_valid_with_a_unit_on_every_symbol(sbml: str) -> None:
    libsbml = pytest.importorskip("libsbml")
    document = libsbml.readSBMLFromString(sbml)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    found = [document.getError(k).getMessage() for k in range(document.checkConsistency())]
    assert found == []
    assert (document.getLevel(), document.getVersion()) == (3, 2)
    model = document.getModel()
    parameters = [model.getParameter(k) for k in range(model.getNumParameters())]
    assert [p.getId() for p in parameters if not p.isSetUnits()] == []


def test_a_wrong_unit_is_noticed(sbml: str) -> None:
    libsbml = pytest.importorskip("libsbml")
    broken = re.sub(r'(id="r_stem"[^>]*units=")per_day', r"\1Mcell", sbml)
    assert broken != sbml
    document = libsbml.readSBMLFromString(broken)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    assert document.checkConsistency() > 0


def test_cells_carry_ontology_identifiers(sbml: str) -> None:
    assert "identifiers.org/cl/CL:0000823" in sbml
    assert sbml.count("rdf:resource=") >= 25


def test_parameters_are_documented() -> None:
    table = rows()
    assert max(Counter(row["name"] for row in table).values()) == 1
    for row in table:
        assert row["status"] in STATUSES, row["name"]
        assert row["unit"], row["name"]
        assert row["meaning"], row["name"]
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"]), row["name"]
        if row["status"] in ("measured", "scaled", "calibrated"):
            assert row["source"], row["name"]
        assert (row["prior"] == "lognormal") == (float(row["sigma"]) > 0), row["name"]


def shipped() -> Simulator:
    form = from_json((ROOM / "model" / "turncoat.json").read_text(encoding="utf-8"))
    return Simulator(form, ROOM / "generated" / "turncoat.py")


def roadrunner_states(simulator: Simulator, sbml: str, times: Any) -> Any:
    roadrunner = pytest.importorskip("roadrunner")
    referee = roadrunner.RoadRunner(sbml)
    referee.integrator.relative_tolerance, referee.integrator.absolute_tolerance = 1e-10, 1e-14
    referee.timeCourseSelections = ["time", *simulator.form.state_names]
    solved = referee.simulate(float(times[0]), float(times[-1]), len(times))
    return np.asarray(solved)[:, 1:]


def test_libroadrunner_agrees_without_doses(sbml: str) -> None:
    simulator, times = shipped(), np.arange(0.0, 101.0)
    found = simulator.integrate(times).states[0]
    true = roadrunner_states(simulator, sbml, times)
    scale = np.abs(true) + 1e-3 * np.abs(true).max(axis=0) + 1e-9
    assert (np.abs(found - true) / scale).max() < 1e-4


def test_the_form_is_the_one_the_cache_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TURNCOAT_CACHE", str(tmp_path))
    simulator = shipped()
    assert simulator.form.digest == simulator.module.DIGEST
    assert cache.intact(cache.model_folder(simulator.form))


@pytest.mark.parametrize("victim", [cache.SOURCE, cache.MANIFEST])
def test_a_damaged_cache_is_built_again(
    victim: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TURNCOAT_CACHE", str(tmp_path))
    folder = cache.model_folder(shipped().form)
    _ = shipped().module
    (folder / victim).write_text("def rates(", encoding="utf-8")
    assert not cache.intact(folder)
    assert callable(shipped().module.rates)
    assert cache.intact(folder)
