"""SBML as an intermediate form; what lies outside the supported core is refused by name.

Supported: species (amounts, or concentrations in compartments of constant size),
parameters, reactions with constant stoichiometry and local parameters, assignment and rate
rules, initial assignments, function definitions, and events without delay or priority.
Refused: algebraic rules, delays, fast reactions, event delays and priorities, conversion
factors, variable stoichiometry, concentrations in compartments that change, required packages.
"""

from pathlib import Path
from typing import Any

from turncoat.errors import FileFormatError, MissingFileError, ModelError, require
from turncoat.simulate.engine.form import (
    Constant,
    Event,
    Expression,
    Form,
    Reaction,
    Rule,
    State,
    symbols,
)
from turncoat.simulate.engine.mathml import Reader
from turncoat.simulate.engine.refusals import every, refuse, refuse_missing_units

MOST_SHOWN = 3


def read_sbml(source: str | Path, *, allow_missing_units: bool = False) -> Form:
    """Read an SBML model into the engine's intermediate form.

    Parameters
    ----------
    source
        Path of an SBML file, level 2 or 3, or its text.
    allow_missing_units
        Read a model whose symbols have no units too: its numbers are taken as they stand, and
        nobody checks that days meet days.

    Returns
    -------
    Form
        The model.

    Raises
    ------
    MissingFileError
        When the file does not exist.
    FileFormatError
        When it is not valid SBML.
    ModelError
        When it uses a feature outside the supported subset, or symbols without a unit; the
        message names them.
    MissingExtraError
        Without python-libsbml (the extra ``sbml``).

    Examples
    --------
    >>> turncoat.sim.read_sbml(source)  # doctest: +SKIP
    """
    libsbml = require("libsbml", extra="sbml", purpose="read SBML models")
    text = str(source)
    if not text.lstrip().startswith("<"):
        path = Path(source)
        if not path.is_file():
            raise MissingFileError(f"There is no SBML file {path} (argument 'source').")
        text = path.read_text(encoding="utf-8")
    document = libsbml.readSBMLFromString(text)
    errors = [
        document.getError(k).getMessage().strip()
        for k in range(document.getNumErrors())
        if document.getError(k).getSeverity() >= libsbml.LIBSBML_SEV_ERROR
    ]
    if errors or document.getModel() is None:
        shown = "; ".join(errors[:MOST_SHOWN]) or "no model in it"
        raise FileFormatError(f"The text is not valid SBML: {shown}.")
    form = Import(libsbml, document).form()
    if not allow_missing_units:
        refuse_missing_units(document.getModel())
    return form


class Import:
    """One SBML document on its way to a form."""

    def __init__(self, libsbml: Any, document: Any) -> None:
        self.model = document.getModel()
        self.reader = Reader(libsbml, self.model)
        self.species = every(self.model, "Species")
        self.parameters = every(self.model, "Parameter")
        self.compartments = every(self.model, "Compartment")
        self.reactions = every(self.model, "Reaction")
        self.rules = every(self.model, "Rule")
        self.events = every(self.model, "Event")
        refuse(document, self.model)
        self.assigned = {r.getVariable(): r for r in self.rules if r.isAssignment()}
        self.rated = {r.getVariable(): r for r in self.rules if r.isRate()}
        self.initials = {a.getSymbol(): a.getMath() for a in every(self.model, "InitialAssignment")}
        set_by_events = {a.getVariable() for e in self.events for a in every(e, "EventAssignment")}
        self.moving = {*self.rated, *set_by_events} - set(self.assigned)
        self.refuse_moving()

    def refuse_moving(self) -> None:
        """Refuse variable compartments under concentrations, and variable stoichiometry."""
        sizes = {c.getId() for c in self.compartments} & (self.moving | set(self.assigned))
        for species in self.species:
            if species.getCompartment() in sizes and not species.getHasOnlySubstanceUnits():
                raise ModelError(
                    f"Species '{species.getId()}' is a concentration in compartment "
                    f"'{species.getCompartment()}', whose size changes: not supported. "
                    "Give it hasOnlySubstanceUnits='true' or a constant compartment."
                )
        targets = self.moving | set(self.assigned) | set(self.initials)
        for reaction in self.reactions:
            for reference in (*every(reaction, "Reactant"), *every(reaction, "Product")):
                if reference.getId() and reference.getId() in targets:
                    raise ModelError(
                        f"Reaction '{reaction.getId()}' has variable stoichiometry "
                        f"('{reference.getId()}'): not supported."
                    )

    def form(self) -> Form:
        """Give the finished form."""
        states = tuple(self._species_state(s) for s in self.species if self._is_state(s)) + tuple(
            self._other_state(q)
            for q in (*self.parameters, *self.compartments)
            if q.getId() in self.moving
        )
        names = {state.name for state in states}
        constants = tuple(self._constants(names))
        known_initial = tuple(self._derived(names))
        return Form(
            name=self.model.getId() or "model",
            states=states,
            constants=constants,
            assignments=known_initial
            + tuple(Rule(n, self.expression(r.getMath(), n)) for n, r in self.assigned.items()),
            reactions=tuple(self._reaction(r, names) for r in self.reactions),
            rate_rules=tuple(
                Rule(n, self.expression(r.getMath(), n)) for n, r in self.rated.items()
            ),
            events=tuple(self._event(e, k) for k, e in enumerate(self.events)),
        )

    def expression(self, node: Any, where: str) -> Expression:
        """Read the mathematics of something named ``where``."""
        return self.reader.read(node, {}, f"'{where}'")

    def _is_state(self, species: Any) -> bool:
        return species.getId() not in self.assigned and not (
            species.getConstant() and species.getId() not in self.moving
        )

    def _species_state(self, species: Any) -> State:
        name = species.getId()
        initial: Expression
        if name in self.initials:
            initial = self.expression(self.initials[name], name)
        else:
            initial = self._initial_value(species)
        return State(name, initial, species.getSubstanceUnits(), True)

    def _initial_value(self, species: Any) -> Expression:
        amounts = species.getHasOnlySubstanceUnits()
        size = species.getCompartment()
        if species.isSetInitialAmount():
            value = float(species.getInitialAmount())
            return value if amounts or not value else ("/", value, size)
        value = (
            float(species.getInitialConcentration()) if species.isSetInitialConcentration() else 0.0
        )
        return ("*", value, size) if amounts and value else value

    def _other_state(self, quantity: Any) -> State:
        name = quantity.getId()
        value: Expression = _value_of(quantity)
        if name in self.initials:
            value = self.expression(self.initials[name], name)
        return State(name, value, quantity.getUnits(), False)

    def _constants(self, states: set[str]) -> list[Constant]:
        taken = states | set(self.assigned) | set(self.initials)
        made = [
            Constant(q.getId(), _value_of(q), q.getUnits())
            for q in (*self.parameters, *self.compartments)
            if q.getId() not in taken
        ]
        made += [
            Constant(s.getId(), float(s.getInitialAmount()), s.getSubstanceUnits())
            for s in self.species
            if s.getId() not in taken
        ]
        for reaction in self.reactions:
            made += [
                Constant(f"{reaction.getId()}__{q.getId()}", _value_of(q), q.getUnits())
                for q in _locals(reaction)
            ]
        return made

    def _derived(self, states: set[str]) -> list[Rule]:
        """Give initial assignments of constants, which hold at any time, as rules."""
        rules = [
            Rule(name, self.expression(math, name))
            for name, math in self.initials.items()
            if name not in states
        ]
        for rule in rules:
            late = symbols(rule.expression) & (states | set(self.assigned))
            if late:
                raise ModelError(
                    f"The initial assignment of '{rule.name}' reads {sorted(late)}, which "
                    "change: only parameters may be read there."
                )
        return rules

    def _reaction(self, reaction: Any, states: set[str]) -> Reaction:
        name = reaction.getId()
        law = reaction.getKineticLaw()
        local: dict[str, Expression] = {
            q.getId(): f"{name}__{q.getId()}" for q in _locals(reaction)
        }
        rate = self.reader.read(law.getMath() if law else None, local, f"reaction '{name}'")
        changes: dict[str, float] = {}
        for sign, references in (
            (-1.0, every(reaction, "Reactant")),
            (1.0, every(reaction, "Product")),
        ):
            for reference in references:
                species = reference.getSpecies()
                amount = reference.getStoichiometry()
                changes[species] = changes.get(species, 0.0) + sign * (
                    1.0 if amount != amount else amount
                )
        return Reaction(name, rate, tuple(self._changes(changes, states)))

    def _changes(self, changes: dict[str, float], states: set[str]) -> list[tuple[str, float, str]]:
        made = []
        for name, amount in changes.items():
            species = self.model.getSpecies(name)
            if species.getBoundaryCondition() or name not in states or amount == 0.0:
                continue
            divisor = "" if species.getHasOnlySubstanceUnits() else species.getCompartment()
            made.append((name, amount, divisor))
        return made

    def _event(self, event: Any, position: int) -> Event:
        name = event.getId() or f"event_{position + 1}"
        trigger = event.getTrigger()
        initially = trigger.getInitialValue() if trigger.isSetInitialValue() else True
        assignments = tuple(
            Rule(a.getVariable(), self.expression(a.getMath(), name))
            for a in every(event, "EventAssignment")
        )
        return Event(name, self.expression(trigger.getMath(), name), bool(initially), assignments)


def _locals(reaction: Any) -> list[Any]:
    law = reaction.getKineticLaw()
    if law is None:
        return []
    return [
        *every(law, "LocalParameter"),
        *(every(law, "Parameter") if not law.getNumLocalParameters() else []),
    ]


def _value_of(quantity: Any) -> float:
    is_size = hasattr(quantity, "isSetSize")
    if not (quantity.isSetSize() if is_size else quantity.isSetValue()):
        if is_size:
            return 1.0
        raise ModelError(f"The SBML parameter '{quantity.getId()}' has no value and no rule.")
    return float(quantity.getSize() if is_size else quantity.getValue())
