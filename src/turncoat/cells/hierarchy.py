"""Levels of the marker table, and whether a user's nodes fit into them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from turncoat.errors import KnowledgeError, did_you_mean

Level = Literal["lineage", "population", "prototype", "state"]
LEVELS: Final[tuple[Level, ...]] = ("lineage", "population", "prototype", "state")


def check_hierarchy(table: pd.DataFrame, path: Path) -> None:
    """Refuse unknown levels, parents that are nowhere, and a hierarchy that bites its tail."""
    keys: Sequence[tuple[str, str, str]] = list(
        table[["level", "name", "parent"]].drop_duplicates().itertuples(index=False, name=None)
    )
    parent_of = {(level, name): parent for level, name, parent in keys}
    names = {name for _, name, _ in keys}
    for level, name, parent in keys:
        if level not in LEVELS:
            raise KnowledgeError(f"{path}: '{name}' has the level '{level}'; {LEVELS} exist.")
        if level == "lineage" and parent.strip():
            raise KnowledgeError(
                f"{path}: the lineage '{name}' has the parent '{parent}'; lineages are the top of the "
                f"hierarchy. Leave the parent out, or write [population.{name}]."
            )
        if level != "lineage" and parent not in names:
            raise KnowledgeError(
                f"{path}: the parent '{parent}' of '{name}' is nowhere. {did_you_mean(parent, names)}"
            )
        _climb(level, name, parent_of, path)


def _climb(level: str, name: str, parent_of: dict[tuple[str, str], str], path: Path) -> None:
    above = {"population": "lineage", "prototype": "population", "state": "population"}
    way = [name]
    while level in above:
        parent = parent_of[level, name]
        if (above[level], parent) in parent_of:
            level, name = above[level], parent
        elif (level, parent) in parent_of and parent not in way:
            name = parent
        else:
            chain = " → ".join([*way, parent])
            fault = "has a cycle" if parent in way else f"should lead to a {above[level]}"
            raise KnowledgeError(f"{path}: the hierarchy {fault}: {chain}.")
        way.append(name)
    if len(way) - 1 > len(LEVELS) - 1:
        raise KnowledgeError(f"{path}: the hierarchy is too deep: {' → '.join(way)}.")
