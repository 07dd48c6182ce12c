"""Markers in levels: lineage, population, prototype and state, and what a panel can tell apart.

A population belongs to a lineage, a prototype or a state to a population. Prototypes are kinds
of a population that are learnt apart and counted together; states are named in the result.
"""

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pandas as pd

from turncoat.cells.hierarchy import LEVELS, Level, check_hierarchy
from turncoat.errors import KnowledgeError, MissingFileError, MissingKeyError, did_you_mean
from turncoat.knowledge.registry import read_table

COLUMNS: Final = (
    "level", "name", "parent", "gene", "species", "sign", "core", "rate", "publication",
    "cell_ontology",
)  # fmt: skip
#: Share of a cell's counts that a marker is expected to have at least: one in 20,000.
DEFAULT_RATE: Final = 5e-5
#: A node is told apart by a panel with at least this many of its positive markers …
MIN_MARKERS: Final = 3
#: … and at least this share of them: below, what is left is not what was published.
MIN_COVERAGE: Final = 0.35
#: Words of a marker file in TOML that are not publications.
FIELDS: Final = frozenset({"parent", "cl", "core", "rate", "negative"})


@dataclass(frozen=True, slots=True)
class Node:
    """A lineage, population, prototype or state and its markers.

    Parameters
    ----------
    name, level, parent
        Its name, its level, and the node above it (empty for a lineage).
    positive, negative
        Genes that speak for and against it.
    core
        Positive genes of which a panel must measure one, and a cell show one to be an example.
    rate
        Least share of a cell's counts that a positive marker has where it is expressed.
    cell_ontology
        Identifier in the Cell Ontology; may be empty.
    """

    name: str
    level: Level
    parent: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    core: tuple[str, ...]
    rate: float
    cell_ontology: str

    def told_by(self, genes: frozenset[str]) -> bool:
        """Whether a panel of genes measures enough of the markers, and one of the core ones."""
        measured = sum(gene in genes for gene in self.positive)
        return (
            (not self.core or any(gene in genes for gene in self.core))
            and measured >= min(MIN_MARKERS, len(self.positive))
            and (measured >= MIN_COVERAGE * len(self.positive))
        )


@dataclass(frozen=True, slots=True)
class MarkerSet:
    """All nodes of one species."""

    species: str
    nodes: tuple[Node, ...]

    def at(self, level: Level, parent: str | None = None) -> list[Node]:
        """Nodes of one level, of one parent or of all."""
        return [
            node
            for node in self.nodes
            if node.level == level and (parent is None or node.parent == parent)
        ]

    def leaves(self, lineage: str) -> list[tuple[str, Node]]:
        """List what is learnt within a lineage: each population, or its prototypes in its place."""
        found = []
        for population in self.at("population", lineage):
            prototypes = self.at("prototype", population.name)
            found += [(population.name, node) for node in prototypes or [population]]
        return found

    def genes(self) -> list[str]:
        """Every marker, positive or negative, once."""
        named = [gene for node in self.nodes for gene in (*node.positive, *node.negative)]
        return list(dict.fromkeys(named))

    def coverage(self, genes: Iterable[str]) -> pd.DataFrame:
        """Say what a panel of genes can tell apart.

        Returns
        -------
        pandas.DataFrame
            One row per node: level, name, parent, n_markers, n_measured, told (whether cells are
            called it on this panel) and missing (genes, separated by spaces).
        """
        panel = frozenset(genes)
        # A lineage that is told lends its name where none of its populations is.
        lineages = {node.name for node in self.at("lineage") if node.told_by(panel)}
        rows = [
            {
                "level": node.level,
                "name": node.name,
                "parent": node.parent,
                "n_markers": len(node.positive),
                "n_measured": sum(gene in panel for gene in node.positive),
                "told": node.told_by(panel)
                or (node.level == "population" and node.name == node.parent in lineages),
                "missing": " ".join(gene for gene in node.positive if gene not in panel),
            }
            for node in self.nodes
        ]
        return pd.DataFrame(rows)


def marker_set(species: str = "human", *, extra: str | Path | None = None) -> MarkerSet:
    """Load the bundled markers, and the user's own on top.

    Parameters
    ----------
    species
        ``human`` or ``mouse``.
    extra
        A TOML file (tables ``[population.NAME]`` with ``parent``, lists of genes by publication,
        ``negative``, ``core``) or a CSV file with the columns of the bundled table. A node of the
        same level and name replaces the bundled one.

    Returns
    -------
    MarkerSet
        The nodes.

    Raises
    ------
    KnowledgeError
        When the file names unknown genes or parents, or its hierarchy has a cycle.
    MissingFileError
        When the file does not exist.

    Examples
    --------
    >>> nk = [node for node in marker_set().at("population") if node.name == "NK"][0]
    >>> nk.parent, "KLRF1" in nk.positive, "CD3D" in nk.negative
    ('NK', True, True)
    """
    table = read_table("markers")
    table = table[table["species"] == species]
    if extra is not None:
        path = Path(extra)
        added = _read_extra(path, species)
        _check_genes(added, species, path)
        replaced = set(zip(added["level"], added["name"], strict=True))
        kept = [key not in replaced for key in zip(table["level"], table["name"], strict=True)]
        table = pd.concat([table[kept], added], ignore_index=True)
        check_hierarchy(table, path)
    return MarkerSet(species, tuple(_nodes(table)))


def _nodes(table: pd.DataFrame) -> list[Node]:
    nodes = []
    for (level, name), group in table.groupby(["level", "name"], sort=False):
        positive = group["sign"] > 0
        core = positive & group["core"].astype(bool)
        nodes.append(
            Node(
                name=str(name),
                level=cast("Level", level),
                parent=str(group["parent"].iloc[0]),
                positive=tuple(group.loc[positive, "gene"]),
                negative=tuple(group.loc[~positive, "gene"]),
                core=tuple(group.loc[core, "gene"]),
                rate=float(group["rate"].iloc[0]),
                cell_ontology=str(group["cell_ontology"].iloc[0]),
            )
        )
    return sorted(nodes, key=lambda node: LEVELS.index(node.level))


def _read_extra(path: Path, species: str) -> pd.DataFrame:
    if not path.is_file():
        raise MissingFileError(f"The marker file {path} does not exist.")
    if path.suffix == ".toml":
        try:
            stated = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise KnowledgeError(f"The marker file {path} is no valid TOML: {error}.") from error
        unknown = set(stated) - set(LEVELS)
        if unknown:
            name = min(unknown)
            raise KnowledgeError(
                f"The marker file {path} has a table [{name}.…]. {did_you_mean(name, LEVELS)}"
            )
        rows = [
            row
            for level, nodes in stated.items()
            for name, node in nodes.items()
            for row in _rows_of(level, name, node, species)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))
    table = pd.read_csv(path, keep_default_na=False)
    missing = [name for name in ("level", "name", "parent", "gene") if name not in table]
    if missing:
        raise KnowledgeError(
            f"The marker file {path} should have the columns {', '.join(COLUMNS)}; "
            f"missing: {', '.join(missing)}."
        )
    defaults: dict[str, Any] = {"species": species, "sign": 1, "core": False, "rate": DEFAULT_RATE}
    for name, value in (defaults | {"publication": "user", "cell_ontology": ""}).items():
        if name not in table:
            table[name] = value
    return table.loc[table["species"] == species, list(COLUMNS)]


def _rows_of(level: str, name: str, node: dict[str, Any], species: str) -> list[dict[str, Any]]:
    base = {"level": level, "name": name, "parent": node.get("parent", ""), "species": species}
    base |= {"rate": node.get("rate", DEFAULT_RATE), "cell_ontology": node.get("cl", "")}
    core = set(node.get("core", ()))
    rows = [
        base | {"gene": gene, "sign": 1, "core": gene in core, "publication": publication}
        for publication, genes in node.items()
        if publication not in FIELDS
        for gene in genes
    ]
    against = [
        base | {"gene": gene, "sign": -1, "core": False, "publication": "user"}
        for gene in node.get("negative", ())
    ]
    return rows + against


@functools.cache
def _symbols(species: str) -> frozenset[str]:
    """Every gene symbol that the bundled tables know."""
    known = set(read_table("orthologs")[species])
    try:
        table = read_table("gene_ids")
    except MissingKeyError:
        return frozenset(known)
    if "species" in table:
        table = table[table["species"] == species]
    column = "symbol" if "symbol" in table else table.columns[-1]
    return frozenset(known | set(table[column]))


def _check_genes(added: pd.DataFrame, species: str, path: Path) -> None:
    bundled = read_table("markers")
    known = _symbols(species) | set(bundled.loc[bundled["species"] == species, "gene"])
    unknown = [gene for gene in dict.fromkeys(added["gene"]) if gene not in known]
    if unknown:
        other = "human" if species == "mouse" else "mouse"
        foreign = [gene for gene in unknown if gene in _symbols(other)]
        hint = (
            f"{len(foreign)} of them are {other} symbols: write them as {species} genes are called "
            "(GZMB is human, Gzmb mouse)."
            if len(foreign) > len(unknown) / 2
            else _nearest(str(unknown[0]), known)
        )
        raise KnowledgeError(
            f"The marker file {path} names genes that are no {species} symbols: "
            f"{', '.join(map(str, unknown[:10]))}. {hint}"
        )


def _nearest(gene: str, known: Iterable[str]) -> str:
    alike = [name for name in known if name.upper()[:3] == gene.upper()[:3]]
    return did_you_mean(gene, alike[:20])
