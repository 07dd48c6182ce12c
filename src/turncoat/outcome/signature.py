"""From a cell state to genes that a bulk sample can be asked for.

A gene serves only where the state expresses it above *every* other population of the study:
otherwise the score would measure the other population, the tumour's purity or its growth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd

from turncoat.errors import ArgumentError
from turncoat.outcome.reference import PSEUDO, Reference
from turncoat.tables import Column, TableSchema

#: Twice as much in the state as in the next population: a gene below that moves more with the
#: other population's abundance than with the state's, unless the state is as common.
MIN_LOG2_RATIO: Final = 1.0
#: A gene must be seen in at least this share of the state's cells.
MIN_DETECTED: Final = 0.05
#: Genes taken when none are named; more add noise (bulk deconvolution uses 20 to 50 per type).
MAX_GENES: Final = 30
#: Share of donors in which the gene must lie above the pooled other populations.
MIN_DONORS: Final = 0.5

#: Markers of each other population that stand for its share of a sample.
CONTENT_GENES: Final = 5

Unmeasured = Literal["drop", "keep"]

GENES = TableSchema(
    columns=(
        Column("gene", "text", "", "Gene symbol."),
        Column("weight", "real", "", "1 where the state has more of it, -1 where it has less."),
        Column("used", "flag", "", "Whether the bulk score uses it."),
        Column("reason", "text", "", "Why not; empty where used."),
        Column("state_cpm", "real", "CPM", "Expression in the state."),
        Column("next_cpm", "real", "CPM", "Highest expression in any other population."),
        Column("next_population", "text", "", "Which one that is."),
        Column("log2_ratio", "real", "log2", "State over next, 5 CPM added to both."),
        Column("donors_above", "real", "", "Share of donors in which the state is above the next."),
        Column("background_cpm", "real", "CPM", "Expression in all other cells together."),
    ),
    key=("gene",),
)


@dataclass(frozen=True, slots=True)
class Signature:
    """Genes whose bulk expression speaks for one cell state.

    Parameters
    ----------
    name
        What tables and figures call the state.
    population
        The population whose state it is.
    genes
        Every gene considered, with the reason where it is not used.
    lineage_genes
        Genes that measure how much of the lineage a bulk sample holds; empty when the state
        is a whole population, whose abundance *is* the score.
    tumour_content_genes
        Genes of all other non-malignant populations: their mean, turned round, is purity.
    origin
        Where the genes come from.
    """

    name: str
    population: str
    genes: pd.DataFrame
    lineage_genes: tuple[str, ...]
    tumour_content_genes: tuple[str, ...]
    origin: str

    schema: ClassVar[TableSchema] = GENES

    def __post_init__(self) -> None:
        self.schema.check(self.genes)

    @property
    def used(self) -> pd.DataFrame:
        """The genes that the score uses."""
        return self.genes[self.genes["used"]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What makes a gene specific; the constants of this module by default.

    Parameters
    ----------
    min_log2_ratio
        State over the next population, log2.
    min_detected
        Share of the state's cells with the gene.
    max_genes
        Genes taken when none are named.
    unmeasured
        What happens to a named gene that the single-cell study did not measure.
    """

    min_log2_ratio: float = MIN_LOG2_RATIO
    min_detected: float = MIN_DETECTED
    max_genes: int = MAX_GENES
    unmeasured: Unmeasured = "drop"


def compare_genes(
    reference: Reference, population: str, genes: Sequence[str], parts: Sequence[str] = ()
) -> pd.DataFrame:
    """Compare genes between a population and every other one.

    Parameters
    ----------
    reference
        What the populations express.
    population
        The population.
    genes
        Genes to compare; those the reference lacks have NaN.
    parts
        Populations that are part of it, not others (subsets, or the lineage it belongs to).

    Returns
    -------
    DataFrame
        One row per gene, without the decision.
    """
    names = reference.populations
    profiles = reference.profiles()
    own = names.index(population) if population in names else -1
    if own < 0:
        reference.rows_of(population)
    others = [row for row, name in enumerate(names) if row != own and name not in set(parts)]
    if not others:
        raise ArgumentError(f"No population is left to compare '{population}' with.")
    column = {gene: at for at, gene in enumerate(reference.genes)}
    known = [gene for gene in genes if gene in column]
    at = [column[gene] for gene in known]
    highest = profiles[others][:, at].max(axis=0)
    rows = np.array([name != population for name in reference.population])
    rest = reference.counts[rows].sum(axis=0)
    donors = reference.donor_profiles(population)[:, at]
    above = (donors > highest).mean(axis=0) if len(donors) else np.full(len(at), np.nan)
    found = pd.DataFrame(
        {
            "state_cpm": profiles[own, at],
            "next_cpm": highest,
            "next_population": [names[others[k]] for k in profiles[others][:, at].argmax(axis=0)],
            "log2_ratio": np.log2((profiles[own, at] + PSEUDO) / (highest + PSEUDO)),
            "donors_above": above,
            "background_cpm": rest[at] / max(rest.sum(), 1.0) * 1e6,
            "detected": reference.detected_share(population)[at],
        },
        index=pd.Index(known, dtype=object),
    )
    found = found.reindex(list(genes))
    found["next_population"] = found["next_population"].fillna("")
    return found


def decide(compared: pd.DataFrame, weights: Mapping[str, float], rules: Rules) -> pd.DataFrame:
    """Say of each gene whether the score uses it, and why not.

    A gene that the state has *less* of cannot be specific to it; it serves where it is
    specific to the state's population as a whole, which is what ``compared`` measures.
    """
    reasons = []
    for gene, row in compared.iterrows():
        reason = ""
        if np.isnan(row["state_cpm"]):
            reason = "not measured in the single-cell study" if rules.unmeasured == "drop" else ""
        elif row["detected"] < rules.min_detected:
            reason = f"seen in {row['detected']:.1%} of the population's cells"
        elif row["log2_ratio"] < rules.min_log2_ratio:
            reason = f"{row['next_population']} has as much (log2 ratio {row['log2_ratio']:.1f})"
        elif row["donors_above"] < MIN_DONORS:
            reason = f"above {row['next_population']} in only {row['donors_above']:.0%} of donors"
        reasons.append((str(gene), float(weights[str(gene)]), reason == "", reason))
    table = pd.DataFrame(reasons, columns=["gene", "weight", "used", "reason"])
    numbers = compared.drop(columns="detected").reset_index(drop=True)
    joined = pd.concat([table, numbers], axis=1)
    return GENES.build({name: joined[name] for name in GENES.names})


def marker_ranks(reference: Reference, rules: Rules) -> dict[str, list[str]]:
    """Rank every population's specific genes, best first, all populations at once.

    Parameters
    ----------
    reference
        What the populations express.
    rules
        What makes a gene specific.

    Returns
    -------
    dict
        Genes by population, at most ``rules.max_genes`` each.
    """
    profiles = reference.profiles()
    order = np.argsort(profiles, axis=0)
    best = order[-1]
    first = np.take_along_axis(profiles, best[None], axis=0)[0]
    second = np.take_along_axis(profiles, order[-2][None], axis=0)[0]
    ratio = np.log2((first + PSEUDO) / (second + PSEUDO))
    genes = np.array(reference.genes, dtype=object)
    ranked = {}
    for row, population in enumerate(reference.populations):
        at = np.flatnonzero((best == row) & (ratio >= rules.min_log2_ratio))
        at = at[reference.detected_share(population)[at] >= rules.min_detected]
        donors = reference.donor_profiles(population)[:, at]
        if len(donors):
            at = at[(donors > second[at]).mean(axis=0) >= MIN_DONORS]
        ranking = np.lexsort((genes[at].astype(str), -ratio[at]))
        ranked[population] = genes[at][ranking][: rules.max_genes].tolist()
    return ranked


def signature_of(
    reference: Reference,
    population: str,
    *,
    name: str = "",
    genes: Mapping[str, float] | None = None,
    malignant: Sequence[str] = ("Malignant",),
    parts: Sequence[str] = (),
    rules: Rules | None = None,
    origin: str = "",
) -> Signature:
    """Make the bulk score of a population, or of a state within it.

    Parameters
    ----------
    reference
        What the populations express.
    population
        The population; with ``genes``, the lineage whose state is meant.
    name
        What to call it; the population's name by default.
    genes
        Genes of the state and their direction. None takes the population's own markers.
    malignant
        Names of the malignant populations, which do not count as admixture.
    parts
        Populations that belong to this one and are therefore no rivals.
    rules
        What makes a gene specific.
    origin
        Where the genes come from.

    Returns
    -------
    Signature
        The genes, with the lineage and purity genes that go with them.

    Raises
    ------
    MissingKeyError
        When the reference has no such population.
    ArgumentError
        When no other population is left.
    """
    rules = rules or Rules()
    lineage: tuple[str, ...] = ()
    reference.rows_of(population)
    rivals = reference if not parts else _apart(reference, population, parts)
    ranked = marker_ranks(rivals, Rules(max_genes=max(rules.max_genes, MAX_GENES)))
    if genes is None:
        own = dict.fromkeys(marker_ranks(rivals, rules).get(population, []), 1.0)
        table = decide(compare_genes(reference, population, list(own), parts), own, rules)
        origin = origin or f"markers of {population} in this study"
    else:
        table = decide(compare_genes(reference, population, list(genes), parts), genes, rules)
        lineage = tuple(gene for gene in ranked.get(population, []) if gene not in genes)
    apart = {population, *parts, *malignant}
    content: list[str] = []
    for other in reference.populations:
        if other not in apart:
            content += ranked.get(other, [])[:CONTENT_GENES]
    used = set(table["gene"]) | set(lineage)
    purity = tuple(gene for gene in dict.fromkeys(content) if gene not in used)
    return Signature(name or population, population, table, lineage, purity, origin)


def _apart(reference: Reference, population: str, parts: Sequence[str]) -> Reference:
    """Leave out the populations that belong to the one asked for."""
    names = [name for name in reference.populations if name == population or name not in set(parts)]
    return reference.restricted_to(names)
