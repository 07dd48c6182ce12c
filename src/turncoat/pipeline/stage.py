"""What a stage is, and the order in which stages run.

A room plugs in by one module in :mod:`turncoat.pipeline.rooms` with a ``STAGE``;
``docs/contributing/add-a-room.md`` shows how.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turncoat.errors import ArgumentError
from turncoat.study import Study

if TYPE_CHECKING:
    from turncoat.pipeline.run import Run


def _nothing(_: "Study") -> dict[str, Any]:
    return {}


def _no_files(_: "Study") -> list[Path]:
    return []


def _always(_: "Study") -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the run: what it needs, what it depends on, and what it does.

    Parameters
    ----------
    name
        Name of the stage; the prefix of the findings that it saves.
    run
        Does the work: reads earlier findings from the :class:`~turncoat.pipeline.run.Run`,
        saves its own there, returns nothing.
    needs
        Names of the stages whose findings it reads.
    version
        Raised by whoever changes what the stage computes: older findings are then not reused.
    title
        What the progress line says while it works.
    parameters
        Everything of the study that changes the stage's findings, as JSON-able values.
    inputs
        Files outside the run that it reads; their content enters the key.
    knowledge
        Names of the bundled tables that it reads; their versions enter the key.
    skipped
        Why the stage has nothing to do for this study; an empty text when it has.
    seeded
        Whether the findings depend on the seed.
    """

    name: str
    run: "Callable[[Run], None]"
    needs: tuple[str, ...] = ()
    version: int = 1
    title: str = ""
    parameters: "Callable[[Study], Mapping[str, Any]]" = _nothing
    inputs: "Callable[[Study], Sequence[Path]]" = _no_files
    knowledge: tuple[str, ...] = ()
    skipped: "Callable[[Study], str]" = _always
    seeded: bool = True


def contrast_facts(study: Study) -> dict[str, Any]:
    """Give the parameters of a stage that depends on the contrasts and their false-discovery rate."""
    return {
        "fdr": study.fdr,
        "contrasts": {
            name: dataclasses.asdict(contrast) for name, contrast in study.contrasts.items()
        },
    }


def needs_contrasts(study: Study) -> str:
    """Say why a stage that compares has nothing to do, if it has not."""
    if study.contrasts:
        return ""
    return "the study names no contrast: add [[contrasts]] to the study file"


def discover() -> tuple[Stage, ...]:
    """Collect the stage of every room, in the order in which they run."""
    rooms = importlib.import_module("turncoat.pipeline.rooms")
    stages = []
    for module in pkgutil.iter_modules(rooms.__path__):
        stage = importlib.import_module(f"{rooms.__name__}.{module.name}").STAGE
        if not isinstance(stage, Stage) or stage.name != module.name:
            raise ArgumentError(
                f"turncoat/pipeline/rooms/{module.name}.py should hold STAGE = "
                f"Stage(name='{module.name}', …); found {stage!r}."
            )
        stages.append(stage)
    return in_order(stages)


def up_to(name: str, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Choose a stage and all that it needs, in the order in which they run."""
    wanted: set[str] = set()
    for stage in reversed(in_order(stages)):
        if stage.name == name or stage.name in wanted:
            wanted |= {stage.name, *stage.needs}
    return tuple(stage for stage in in_order(stages) if stage.name in wanted)


def in_order(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Sort stages so that each comes after what it needs; ties by the order given.

    Raises
    ------
    ArgumentError
        When a stage needs one that does not exist, or stages need each other in a circle.
    """
    known = {stage.name: stage for stage in stages}
    for stage in stages:
        unknown = sorted(set(stage.needs) - set(known))
        if unknown:
            raise ArgumentError(f"The stage '{stage.name}' needs {unknown}, which no room offers.")
    sorter = TopologicalSorter({stage.name: sorted(stage.needs) for stage in stages})
    try:
        return tuple(known[name] for name in sorter.static_order())
    except CycleError as error:
        raise ArgumentError(f"Stages need each other in a circle: {error.args[1]}.") from error
