"""Build the shipped mouse model: SBML, intermediate form and generated module, from its text.

Reads ``simulate/model/turncoat.ant`` (structure), ``parameters.csv`` (values, units) and
``annotations.csv``; writes ``turncoat.xml``, ``turncoat.json`` and ``generated/turncoat.py``.
Needs the extra ``sbml``. Run it after every change of the three sources.
"""

import csv
import sys
from pathlib import Path

from turncoat.simulate.engine.codegen import generate
from turncoat.simulate.engine.sbml import read_sbml

MODEL = Path(__file__).parent.parent / "src" / "turncoat" / "simulate" / "model"
IDENTIFIERS = "http://identifiers.org/"


def antimony_text() -> str:
    """Join the structure with the values, units and annotations of the tables."""
    structure = (MODEL / "turncoat.ant").read_text(encoding="utf-8")
    with (MODEL / "parameters.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [f"  {row['name']} = {row['value']}" for row in rows]
    lines += [f"  {row['name']} has {row['unit']}" for row in rows if row["kind"] == "parameter"]
    lines += [
        f"  {row['name']} has {row['unit']}"
        for row in rows
        if row["unit"] != "Mcell" and row["kind"] == "state"
    ]
    lines += [f"  const {row['name']}" for row in rows if row["kind"] == "parameter"]
    with (MODEL / "annotations.csv").open(encoding="utf-8", newline="") as file:
        lines += [
            f'  {r["symbol"]} identity "{IDENTIFIERS}{r["identifier"]}"'
            for r in csv.DictReader(file)
        ]
    lines += [f'  {row["name"]} is "{row["meaning"]}"' for row in rows]
    return structure.replace("\nend\n", "\n" + "\n".join(lines) + "\nend\n", 1)


def sbml_text() -> str:
    """Translate the joined Antimony into SBML level 3 version 2."""
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(antimony_text()) < 0:
        sys.exit(antimony.getLastError())
    import libsbml

    document = libsbml.readSBMLFromString(antimony.getSBMLString("turncoat_mouse"))
    document.setLevelAndVersion(3, 2, False)
    return libsbml.writeSBMLToString(document)


def main() -> None:
    text = sbml_text()
    (MODEL / "turncoat.xml").write_text(text, encoding="utf-8")
    form = read_sbml(text)
    (MODEL / "turncoat.json").write_text(form.to_json() + "\n", encoding="utf-8")
    generated = MODEL.parent / "generated"
    generated.mkdir(exist_ok=True)
    (generated / "turncoat.py").write_text(generate(form), encoding="utf-8")


if __name__ == "__main__":
    main()
