"""Ambient RNA read from a tally: lineage genes in populations that cannot express them.

What leaks from burst cells is caught in every droplet of a sample, in the proportions of the
sample as a whole. A lineage's markers in a foreign population, over what that soup would bring at
full strength, is the share of foreign counts that explains them; where a population holds much
more of one lineage's genes than the rest of the sample suggests, soup alone does not explain it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd

from turncoat.cells.lineage import lineages_of
from turncoat.cells.markers import MarkerSet, marker_set
from turncoat.tables import UNS_KEY, Column, FloatArray, IntArray, TableSchema
from turncoat.tally import layout

if TYPE_CHECKING:
    import anndata as ad

#: A population of a sample with fewer cells says nothing.
MIN_CELLS: Final = 10
#: Fewer markers of a lineage on the panel than this are no evidence.
MIN_MARKERS: Final = 3
#: More than this many times the sample's own share is more than soup.
MORE_THAN_SOUP: Final = 3.0
#: Less than this share of the lineage's own level is not worth a word.
LEAST_SHARE: Final = 0.005
#: Markers of lineages whose neighbours share them: only what no other lineage lists counts.
IMMUNOGLOBULIN: Final = "Immunoglobulin"
#: Lineages that express much of each other's list: their genes are no evidence of soup.
RELATED: Final = {
    "T": ("NK",), "NK": ("T",), "Myeloid": ("Neutrophil", "pDC"), "Neutrophil": ("Myeloid",),
}  # fmt: skip
WORDS: Final = ("ambient explains it", "more than ambient", "hardly any")


@dataclass(frozen=True, slots=True)
class Ambient:
    """What :func:`ambient` found.

    Parameters
    ----------
    samples
        Share of foreign counts in each sample.
    leaks
        Each population and each set of genes that is not its own.
    """

    samples: pd.DataFrame
    leaks: pd.DataFrame

    samples_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("sample", "text", "", "Sample."),
            Column("n_pairs", "whole", "", "Populations × foreign sets of genes that tell it."),
            Column("soup", "real", "", "Share of a cell's counts that came from other cells."),
        ),
        key=("sample",),
    )
    leaks_schema: ClassVar[TableSchema] = TableSchema(
        columns=(
            Column("population", "text", "", "Population in which the genes were seen."),
            Column("genes", "text", "", "Whose genes they are."),
            Column("n_samples", "whole", "samples", "Samples with both."),
            Column("rate", "real", "counts/10k", "Counts of these genes per 10,000."),
            Column("own_rate", "real", "counts/10k", "The same in the cells whose genes they are."),
            Column("share", "real", "", "Rate over own rate."),
            Column("times_soup", "real", "", "Foreign share by these genes over the sample's."),
            Column("reading", "text", "", "ambient explains it, more than ambient, hardly any."),
        ),
        key=("population", "genes"),
    )

    def __post_init__(self) -> None:
        self.samples_schema.check(self.samples)
        self.leaks_schema.check(self.leaks)


def ambient(tally: "ad.AnnData") -> Ambient:
    """Estimate each sample's ambient RNA, and name the populations that hold foreign genes.

    Parameters
    ----------
    tally
        Sums per sample and population.

    Returns
    -------
    Ambient
        Samples and leaks; empty where no population is known or no marker measured.

    References
    ----------
    Young and Behjati (2020), *GigaScience* 9:giaa151.
    """
    markers = marker_set(str(tally.uns[UNS_KEY][layout.META_KEY]["species"]))
    lineage = lineages_of(list(tally.obs[layout.POPULATION].astype(str)), markers)
    sets = foreign_sets(markers, tally.var_names)
    pairs = _pairs(tally, np.array(lineage, dtype=object), sets)
    if pairs.empty:
        return Ambient(Ambient.samples_schema.build([]), Ambient.leaks_schema.build([]))
    quiet = pairs.groupby("sample")["contamination"]
    soup = quiet.median()
    samples = {"sample": soup.index, "n_pairs": quiet.size(), "soup": soup}
    return Ambient(
        Ambient.samples_schema.build({name: np.asarray(own) for name, own in samples.items()}),
        _leaks(pairs, soup),
    )


def foreign_sets(
    markers: MarkerSet, genes: pd.Index
) -> Mapping[str, tuple[frozenset[str], IntArray]]:
    """Give sets of genes, each with the lineages that express them and its columns.

    A lineage's set holds the markers that no other lineage lists; immunoglobulins stand apart.
    """
    nodes = markers.at("lineage")
    uses = pd.Series([gene for node in nodes for gene in node.positive]).value_counts()
    upper = genes.astype(str).str.upper()
    antibody = np.asarray(upper.str.match(r"IG[HKL][CVAGMDE]") | upper.isin(["JCHAIN", "IGLL5"]))
    found: dict[str, tuple[frozenset[str], IntArray]] = {}
    for node in nodes:
        columns = genes.get_indexer(pd.Index([g for g in node.positive if uses[g] == 1]))
        columns = columns[columns >= 0]
        columns = columns[~antibody[columns]]
        if columns.size >= MIN_MARKERS:
            found[node.name] = (frozenset({node.name}), columns)
    if antibody.sum() >= MIN_MARKERS:
        found[IMMUNOGLOBULIN] = (frozenset({"B"}), np.flatnonzero(antibody))
    return found


def _pairs(
    tally: "ad.AnnData",
    lineage: "np.ndarray[Any, Any]",
    sets: Mapping[str, tuple[frozenset[str], IntArray]],
) -> pd.DataFrame:
    """Tabulate each sample, population and foreign set: rates, and the share that explains them."""
    obs = tally.obs
    counts = tally.layers[layout.COUNTS]
    depth = _total(counts)
    sample = obs[layout.SAMPLE].astype(str).to_numpy()
    enough = (obs[layout.N_CELLS].to_numpy() >= MIN_CELLS) & (lineage != "") & (depth > 0)
    parts = []
    for name, (owners, columns) in sets.items():
        own_counts = _total(counts[:, columns])
        own = np.isin(lineage, sorted(owners)) & enough
        table = pd.DataFrame({"sample": sample, "counts": own_counts, "depth": depth, "own": own})
        whole = table.groupby("sample")[["counts", "depth"]].transform("sum")
        mine = table.assign(c=own_counts * own, d=depth * own)
        at_home = mine.groupby("sample")[["c", "d"]].transform("sum")
        soup = (whole["counts"] / whole["depth"]).to_numpy()
        home = np.where(at_home["d"] > 0, at_home["c"] / at_home["d"].where(at_home["d"] > 0, 1), 0)
        rate = own_counts / np.maximum(depth, 1)
        kin = np.isin(lineage, RELATED.get(name, ()))
        foreign = enough & ~own & ~kin & (home > 0) & (soup > 0)
        parts.append(
            pd.DataFrame(
                {
                    "sample": sample[foreign],
                    "population": obs[layout.POPULATION].astype(str).to_numpy()[foreign],
                    "genes": name,
                    "rate": 1e4 * rate[foreign],
                    "own_rate": 1e4 * home[foreign],
                    "contamination": np.minimum(rate[foreign] / soup[foreign], 1.0),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _total(counts: Any) -> FloatArray:
    total: FloatArray = np.asarray(counts.sum(axis=1), dtype=float).ravel()
    return total


def _leaks(pairs: pd.DataFrame, soup: pd.Series) -> pd.DataFrame:
    least = np.maximum(pairs["sample"].map(soup).to_numpy(dtype=float), 1e-6)
    pairs = pairs.assign(times=pairs["contamination"].to_numpy() / least)
    rows = []
    for (population, genes), group in pairs.groupby(["population", "genes"], sort=True):
        middle = group[["rate", "own_rate", "times"]].median()
        share = float(middle["rate"] / middle["own_rate"])
        few = share < LEAST_SHARE
        much = float(middle["times"]) > MORE_THAN_SOUP
        rows.append(
            {
                "population": str(population),
                "genes": str(genes),
                "n_samples": len(group),
                "rate": float(middle["rate"]),
                "own_rate": float(middle["own_rate"]),
                "share": share,
                "times_soup": float(middle["times"]),
                "reading": WORDS[2] if few else WORDS[1] if much else WORDS[0],
            }
        )
    return Ambient.leaks_schema.build(rows)
