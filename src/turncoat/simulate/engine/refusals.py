"""What of SBML the engine does not run, found and named before anything is read."""

from typing import Any

from turncoat.errors import ModelError

# Extended mathematics of level 3 version 2: what of it is not supported is refused where used.
KNOWN_PACKAGES = frozenset({"l3v2extendedmath"})


def every(parent: Any, kind: str) -> list[Any]:
    """Give all children of one kind, such as the reactions of a model."""
    plural = kind if kind == "Species" else f"{kind}s"
    count = getattr(parent, f"getNum{plural}")()
    return [getattr(parent, f"get{kind}")(k) for k in range(count)]


def refuse(document: Any, model: Any) -> None:
    """Raise :class:`ModelError` naming the first unsupported feature."""
    found = _foreign(document) + _quantities(model) + _processes(model)
    if found:
        raise ModelError(
            f"The SBML model uses {found[0]}, which turncoat's engine does not support. "
            "It runs reactions, assignment and rate rules, and events without delay or priority."
        )


def _foreign(document: Any) -> list[str]:
    names = [document.getPlugin(k).getPackageName() for k in range(document.getNumPlugins())]
    return [
        f"the required package '{name}'"
        for name in names
        if name not in KNOWN_PACKAGES
        and document.isSetPackageRequired(name)
        and document.getPackageRequired(name)
    ]


def _quantities(model: Any) -> list[str]:
    found = ["an algebraic rule" for rule in every(model, "Rule") if rule.isAlgebraic()]
    if model.isSetConversionFactor():
        found.append("a conversion factor")
    return found + [
        f"a conversion factor (species '{species.getId()}')"
        for species in every(model, "Species")
        if species.isSetConversionFactor()
    ]


def _processes(model: Any) -> list[str]:
    found = []
    for reaction in every(model, "Reaction"):
        name = reaction.getId()
        if reaction.isSetFast() and reaction.getFast():
            found.append(f"the fast reaction '{name}'")
        references = (*every(reaction, "Reactant"), *every(reaction, "Product"))
        if any(reference.isSetStoichiometryMath() for reference in references):
            found.append(f"variable stoichiometry in reaction '{name}'")
    for event in every(model, "Event"):
        if event.isSetDelay():
            found.append(f"the delay of event '{event.getId()}'")
        if event.isSetPriority():
            found.append(f"the priority of event '{event.getId()}'")
    return found
