"""A model between its text and its code: states, parameters, reactions, rules, events.

Expressions are nested tuples in prefix form, ``("*", "k", ("+", "S", 1.0))``: a number, a
symbol, or an operator with its arguments. They go to JSON as lists, and back.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from turncoat.errors import FileFormatError

Expression: TypeAlias = "float | str | tuple[Any, ...]"

FORM_VERSION = 1
TIME = "time"


@dataclass(frozen=True, slots=True)
class State:
    """One quantity that changes: a species, a rule's or an event's variable.

    Parameters
    ----------
    name
        Its identifier in expressions.
    initial
        Value at time zero, or an expression of parameters.
    unit
        Its unit, as written in the model.
    non_negative
        Whether values below zero have no meaning (species).
    """

    name: str
    initial: Expression
    unit: str
    non_negative: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """One number of the model that a mouse, a context or a schedule may set."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A quantity given by an expression at any time, or whose rate is given by one."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Reaction:
    """One process: its rate, and what one unit of it does to each state.

    ``changes`` holds ``(state, stoichiometry, divisor)``; the divisor is the compartment of a
    state that is a concentration, or the empty text.
    """

    name: str
    rate: Expression
    changes: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What happens at once when a condition turns true."""

    name: str
    trigger: Expression
    initially: bool
    assignments: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A whole model in its intermediate form."""

    name: str
    states: tuple[State, ...]
    constants: tuple[Constant, ...]
    assignments: tuple[Rule, ...]
    reactions: tuple[Reaction, ...]
    rate_rules: tuple[Rule, ...]
    events: tuple[Event, ...]

    @property
    def state_names(self) -> list[str]:
        """States in the order of every array."""
        return [state.name for state in self.states]

    @property
    def constant_names(self) -> list[str]:
        """Parameters in the order of every array."""
        return [constant.name for constant in self.constants]

    def to_json(self) -> str:
        """Write the form as text; equal forms give equal text."""
        return json.dumps({"version": FORM_VERSION, **asdict(self)}, indent=0, sort_keys=True)

    @property
    def digest(self) -> str:
        """Twenty hexadecimal digits that identify what the model computes."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:20]


def from_json(text: str) -> Form:
    """Read a form back from :meth:`Form.to_json`.

    Raises
    ------
    FileFormatError
        When the text is not such a form, or one of another version.
    """
    try:
        stored = json.loads(text)
        if stored.pop("version") != FORM_VERSION:
            raise FileFormatError("The intermediate form has another version; build it again.")
        return Form(
            name=stored["name"],
            states=tuple(
                State(**{**s, "initial": _tuples(s["initial"])}) for s in stored["states"]
            ),
            constants=tuple(Constant(**c) for c in stored["constants"]),
            assignments=_rules(stored["assignments"]),
            reactions=tuple(
                Reaction(r["name"], _tuples(r["rate"]), _tuples(r["changes"]))
                for r in stored["reactions"]
            ),
            rate_rules=_rules(stored["rate_rules"]),
            events=tuple(
                Event(e["name"], _tuples(e["trigger"]), e["initially"], _rules(e["assignments"]))
                for e in stored["events"]
            ),
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise FileFormatError(f"The text is not a model's intermediate form: {error}.") from error


def _rules(stored: list[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(Rule(rule["name"], _tuples(rule["expression"])) for rule in stored)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def symbols(expression: Expression) -> set[str]:
    """Names that an expression uses.

    Examples
    --------
    >>> sorted(symbols(("*", "k", ("+", "S", 1.0))))
    ['S', 'k']
    """
    if isinstance(expression, str):
        return {expression}
    if isinstance(expression, tuple):
        return set().union(*(symbols(argument) for argument in expression[1:]))
    return set()
