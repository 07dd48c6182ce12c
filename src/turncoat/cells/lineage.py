"""Of which lineage a population is, whatever it is called."""

from collections.abc import Sequence

from turncoat.cells.markers import MarkerSet
from turncoat.knowledge.vocabulary import match_labels


def lineages_of(populations: Sequence[str], markers: MarkerSet) -> list[str]:
    """Say of which lineage each population is; an empty text where its name tells us nothing.

    Parameters
    ----------
    populations
        Names, ours or anybody's.
    markers
        Which population is of which lineage.

    Examples
    --------
    >>> from turncoat.cells.markers import marker_set
    >>> lineages_of(["Tregs", "Malignant", "cluster 7"], marker_set())
    ['T', 'Epithelial', '']
    """
    of = {node.name: node.parent for node in markers.at("population")}
    of |= {node.name: node.name for node in markers.at("lineage")}
    of |= {node.name: of[node.parent] for node in markers.at("state") if node.parent in of}
    of["Malignant"] = "Epithelial"
    table = match_labels(dict.fromkeys(populations)).set_index("label")["population"]
    return [of.get(name, of.get(str(table[name]), "")) for name in populations]
