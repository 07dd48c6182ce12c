"""What of SBML the engine does not run, found and named before anything is read."""

from typing import Any

from turncoat.errors import ModelError

# Extended mathematics of level 3 version 2: what of it is not supported is refused where used.
KNOWN_PACKAGES = frozenset({"l3v2extendedmath"})
MOST_NAMED = 12


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


def refuse_missing_units(model: Any) -> None:
    """Raise :class:`ModelError` naming every symbol whose unit cannot be told."""
    missing = without_units(model)
    if not missing:
        return
    shown = ", ".join(missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    raise ModelError(
        f"The SBML model gives no unit for {shown}{more}. Give each its unit "
        "('dimensionless' counts), or say allow_missing_units=True to take all numbers as they stand."
    )


def without_units(model: Any) -> list[str]:
    """Name what has no unit of its own and none from the model's defaults."""
    quantities = [
        *(("species", q) for q in every(model, "Species")),
        *(("parameter", q) for q in every(model, "Parameter")),
        *(("compartment", q) for q in every(model, "Compartment") if q.getSpatialDimensions()),
    ]
    for reaction in every(model, "Reaction"):
        law = reaction.getKineticLaw()
        if law is not None:
            kind = f"parameter of reaction '{reaction.getId()}'"
            quantities += [(kind, q) for q in every(law, "Parameter")]
    found = [f"{kind} '{q.getId()}'" for kind, q in quantities if not _has_units(q)]
    # Earlier levels have units of time and of amounts by definition.
    if model.getLevel() >= 3:
        found += [] if model.isSetTimeUnits() else ["time"]
        found += [] if model.isSetExtentUnits() or not model.getNumReactions() else ["extent"]
    return found


def _has_units(quantity: Any) -> bool:
    return bool(quantity.getDerivedUnitDefinition().getNumUnits())
