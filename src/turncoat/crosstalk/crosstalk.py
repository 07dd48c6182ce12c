"""The crosstalk question as a user asks it."""

import anndata as ad
import numpy as np
import pandas as pd

from turncoat.crosstalk.arguments import (
    Receivers,
    Senders,
    check_numbers,
    chosen_populations,
    chosen_senders,
)
from turncoat.crosstalk.around import NOT_MEASURED, machinery_off_panel
from turncoat.crosstalk.assemble import (
    abundance_table,
    antagonist_table,
    coverage_table,
    donor_table,
    dropped_table,
)
from turncoat.crosstalk.encounters import encounter_table
from turncoat.crosstalk.evidence import edge_table, rank_edges
from turncoat.crosstalk.heard import Responses
from turncoat.crosstalk.labels import stacked, texts
from turncoat.crosstalk.listen import known_responses, response_genes
from turncoat.crosstalk.pairs import Pairs, find_pairs, renumbered
from turncoat.crosstalk.programmes import programme_table
from turncoat.crosstalk.read import read_field
from turncoat.crosstalk.result import Crosstalk
from turncoat.crosstalk.science import Limits
from turncoat.crosstalk.tissue import Question, TissueResult, analyse
from turncoat.errors import (
    DesignWarning,
    DroppedDataWarning,
    warn,
)
from turncoat.knowledge.registry import read_table
from turncoat.stats.contrast import Contrast
from turncoat.tables import store
from turncoat.tally.arms import check_contrast, tally_meta, tissues_within


def crosstalk(
    tally: ad.AnnData,
    contrast: Contrast,
    *,
    senders: Senders = "switched",
    receivers: Receivers = "all",
    pairs: pd.DataFrame | None = None,
    min_cells: int = 5,
    min_donors: int = 3,
    min_detection: float = 0.05,
    ambient: float = 0.05,
    fdr: float = 0.05,
    n_permutations: int = 1_999,
    key_added: str | None = "crosstalk",
) -> Crosstalk:
    """Tell which signals populations gained or lost between the arms, and who answers.

    For every sample, sender, receiver and ligand-receptor pair the two sides are measured; an
    edge counts only where both are expressed in the same sample. Three questions are asked of
    each edge over donors: is it present, is it specific to this sender and receiver, is it
    different between the arms? Of those that differ: does the receiver's response follow?

    Parameters
    ----------
    tally
        A tally (:func:`turncoat.pp.tally`).
    contrast
        What is compared.
    senders
        ``"switched"`` for the populations that :func:`turncoat.tl.allegiance` found to have
        switched in this tally, its table (columns population, verdict), ``"all"``, or names.
    receivers
        ``"all"``, or names of the populations that may receive.
    pairs
        Own ligand-receptor pairs (columns ligand, receptor, perhaps kind, pathway, caution,
        effect); the bundled table by default.
    min_cells
        Cells that a population must have in a sample; fewer tell nothing of expression.
    min_donors
        Donors of one arm in which an edge must be present, and that each arm must have.
    min_detection
        Share of cells in which the weakest subunit must be seen. 0.05 as in MultiNicheNet; the
        0.1 of cell-level tools hides a fifth of the planted changes, since it asks of one cell
        what many cells show together.
    ambient
        Share of ambient RNA assumed at most: a level must exceed what the sample's average
        would leave in every cell. Droplet data have 0.02 to 0.1.
    fdr
        False-discovery rate of every verdict.
    n_permutations
        Arrangements of donors drawn where there are more than 20,000; 0 for none.
    key_added
        Where the result is kept in ``tally.uns["turncoat"]``; None to keep it nowhere.

    Returns
    -------
    Crosstalk
        Edges, best supported first, and the tables behind them.

    Raises
    ------
    ArgumentError
        When a number is out of range, or senders or receivers cannot be understood.
    KnowledgeError, MissingKeyError
        When pairs are malformed, or share no gene with the tally.
    MissingKeyError, StudyError, DesignError
        When the contrast does not fit the tally.
    CountsError
        When the tally holds negative or missing values.

    Notes
    -----
    An edge's strength is ``log2(1 + sqrt(L R) / 0.5)``, with L and R the counts per 10,000 of the
    weakest subunits: 0 when either side is absent, whatever the other does.

    References
    ----------
    Efremova et al. (2020), *Nature Protocols* 15:1484 (complexes by their weakest subunit);
    Browaeys et al. (2023), bioRxiv 2023.06.13.544751 (donors as the unit); Smyth (2004),
    *Statistical Applications in Genetics and Molecular Biology* 3:3 (moderated variances).

    Examples
    --------
    >>> import turncoat as tc
    >>> cells = tc.ds.planted(n_donors=4, n_controls=4, cells_per_donor=300, n_genes=900)
    >>> tally = tc.pp.tally(cells, donor_key="donor", sample_key="sample")  # doctest: +SKIP
    >>> found = tc.tl.crosstalk(
    ...     tally, tc.Contrast("condition", "case", "control"), senders="all"
    ... )  # doctest: +SKIP
    """
    limits = Limits(min_cells, min_detection, ambient, min_donors)
    check_numbers(limits, fdr, n_permutations)
    check_contrast(tally, contrast)
    species = str(tally_meta(tally, "species")) or "human"
    genes = [str(gene) for gene in tally.var_names]
    wanted = chosen_senders(tally, senders), chosen_populations(tally, receivers, "receivers")
    found_pairs = find_pairs(genes, species, pairs)
    panel = _panel(genes, found_pairs, species)
    found_pairs = renumbered(found_pairs, genes, panel)
    known = known_responses(tuple(panel), species)
    counts_cells = str(tally_meta(tally, "study_kind", "unsorted")) == "unsorted"
    ask = Question(contrast, limits, *wanted, n_permutations, species, counts_cells)
    tissues = [
        analyse(read_field(tally, contrast, tissue, panel), tissue, found_pairs, known, ask)
        for tissue in tissues_within(tally, contrast)
    ]
    schema = Crosstalk.table_schema
    ranked = _ranked(tissues, found_pairs, known[0], fdr)
    result = Crosstalk(
        table=pd.DataFrame({name: texts(ranked[name]) for name in schema.names}, copy=False),
        donors=donor_table(tissues, ranked, contrast),
        programmes=programme_table(tissues, ranked, known[0], fdr),
        encounters=encounter_table(tissues, ranked, ask),
        abundance=abundance_table(tissues, counts_cells=counts_cells),
        antagonists=antagonist_table(tissues),
        coverage=coverage_table(known[0]),
        missing=Crosstalk.missing_schema.build(found_pairs.missing.to_dict("list")),  # type: ignore[arg-type]
        dropped=dropped_table(tissues, found_pairs, limits),
        params={
            **_params(tally, contrast, limits, wanted, fdr, n_permutations),
            "species": species,
            "side_priors": _told_priors(tissues),
            "own_pairs": pairs is not None,
            "machinery_missing": machinery_off_panel(genes, species),
        },
    )
    _tell(result)
    if key_added is not None:
        store(tally, key_added, result)
    return result


def _told_priors(tissues: list[TissueResult]) -> list[str]:
    return [
        f"{tissue.tissue or 'all'}: ligands {tissue.priors[0]:g}, receptors {tissue.priors[1]:g} "
        "counts per 10,000"
        for tissue in tissues
    ]


def _panel(genes: list[str], pairs: Pairs, species: str) -> list[str]:
    """List the genes of the tally that crosstalk reads, in the tally's order."""
    wanted = {genes[number] for number in pairs.ligands.genes}
    wanted |= {genes[number] for number in pairs.receptors.genes}
    for name, column in (("machinery", "gene"), ("antagonists", "antagonist")):
        table = read_table(name)
        wanted |= set(table.loc[table["species"] == species, column])
    if species == "mouse":
        response = response_genes()
        return [gene for gene in genes if gene in wanted or gene.upper() in response]
    wanted |= response_genes()
    return [gene for gene in genes if gene in wanted]


def _ranked(
    tissues: list[TissueResult], pairs: Pairs, responses: Responses, fdr: float
) -> pd.DataFrame:
    filled = [
        edge_table(tissue, pairs, responses, fdr) for tissue in tissues if tissue.edges.pair.size
    ]
    if not filled:
        return Crosstalk.table_schema.build([]).assign(edge=np.empty(0, dtype=np.int64))
    return rank_edges(stacked(filled))


def _params(
    tally: ad.AnnData,
    contrast: Contrast,
    limits: Limits,
    wanted: tuple[tuple[str, ...] | None, tuple[str, ...] | None],
    fdr: float,
    n_permutations: int,
) -> dict[str, object]:
    return {
        "contrast": contrast.label,
        "variable": contrast.variable,
        "case": contrast.case,
        "reference": contrast.reference,
        "block": contrast.block or "",
        "covariates": list(contrast.covariates),
        "senders": "all" if wanted[0] is None else list(wanted[0]),
        "receivers": "all" if wanted[1] is None else list(wanted[1]),
        "min_cells": limits.min_cells,
        "min_donors": limits.min_donors,
        "min_detection": limits.min_detection,
        "min_share": limits.min_share,
        "ambient": limits.ambient,
        "fdr": fdr,
        "n_permutations": n_permutations,
        "synthetic": str(tally_meta(tally, "synthetic")),
    }


def _tell(result: Crosstalk) -> None:
    if not (result.table["status"] == "tested").any():
        warn(
            "No edge can be tested with these senders and donors. The reasons are in .table "
            "and .dropped.",
            DesignWarning,
        )
    elif not result.dropped.empty and np.any(result.dropped["what"] == "population in a sample"):
        number = int(
            result.dropped.loc[result.dropped["what"] == "population in a sample", "n"].sum()
        )
        warn(
            f"Left out {number} populations of samples with too few cells; see .dropped.",
            DroppedDataWarning,
        )
    _tell_machinery(result.table)


def _tell_machinery(table: pd.DataFrame) -> None:
    """Warn of ligands in the table whose machinery the panel lacks."""
    unknown = {text for text in set(table["machinery"]) if text.startswith(NOT_MEASURED)}
    if not unknown:
        return
    ligands = sorted(set(table.loc[table["machinery"].isin(unknown), "ligand"]))
    genes = sorted({gene for text in unknown for gene in text.partition(": ")[2].split(", ")})
    shown = ", ".join(ligands[:5]) + (f" and {len(ligands) - 5} more" if len(ligands) > 5 else "")
    warn(
        f"The panel lacks {', '.join(genes)}: whether {shown} can be sent is not known; see the "
        "column 'machinery'.",
        DesignWarning,
    )
