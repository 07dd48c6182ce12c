"""What would cut the signal: drugs with direction of action and true regulatory status."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from turncoat.errors import ArgumentError, MissingKeyError, did_you_mean
from turncoat.knowledge.registry import read_table, versions
from turncoat.tables import store
from turncoat.therapy.catalogue import check_drugs, drugs, is_gene
from turncoat.therapy.matching import Finding, match, subunits
from turncoat.therapy.ranking import ORDER, combine, rank
from turncoat.therapy.result import UNREACHED, Therapy

if TYPE_CHECKING:
    import anndata as ad

EDGE_COLUMNS = ("sender", "receiver", "ligand", "receptor")
EFFECTS = ("pro_tumour", "anti_tumour", "unknown")
#: What an edge's column ``effect_checked`` says against its effect, in words.
DOUBTS = {"unchecked": "unchecked", "disagrees": "SecAct disagrees"}
#: Verdicts that count as a finding; others are listed with a part of 0.
SUPPORTED = ("gained", "heard", "switched", "supported")


def therapy(
    tally: "ad.AnnData",
    *,
    edges: pd.DataFrame,
    switched: Sequence[str] = (),
    cancer: str = "",
    malignant: Sequence[str] = ("Malignant",),
    own_drugs: pd.DataFrame | None = None,
    key_added: str | None = "therapy",
) -> Therapy:
    """Find where signals and switched populations could be cut, and by what.

    Nothing here advises a treatment: every row names the finding that the cut would *test*.

    Parameters
    ----------
    tally
        The tally that the findings come from; the result is stored in it.
    edges
        One row per edge with ``sender``, ``receiver``, ``ligand`` and ``receptor``. Used where
        present: ``tissue``, ``verdict``, and ``effect`` (``pro_tumour``, ``anti_tumour`` or
        ``unknown``, which is the default).
    switched
        Populations that switched sides.
    cancer
        The study's cancer, as in "triple-negative breast cancer"; decides which approvals are
        approvals for this cancer.
    malignant
        Names of the malignant populations.
    own_drugs
        Further rows in the layout of :data:`turncoat.therapy.catalogue.DRUGS`.
    key_added
        Where the result is stored in ``tally.uns["turncoat"]``; None to store nothing.

    Returns
    -------
    Therapy
        Cuts in the order of their named parts, combinations, and what no drug reaches.

    Raises
    ------
    MissingKeyError
        When ``edges`` lacks a column.
    ArgumentError
        When a ligand or receptor is no gene, or an effect has no meaning.
    KnowledgeError
        When a row of ``own_drugs`` has no source or an unknown status.

    Examples
    --------
    >>> turncoat.tl.therapy(tally, edges=found.table, switched=["Treg"])  # doctest: +SKIP
    """
    shelf = drugs()
    if own_drugs is not None:
        check_drugs(own_drugs)
        shelf = pd.concat([own_drugs.assign(table="own_drugs"), shelf], ignore_index=True)
    special = {*switched, *malignant}
    findings = [*edge_findings(edges, special), *population_findings(switched)]
    table = rank(match(findings, shelf, read_table("drug_cuts")), cancer)
    result = Therapy(
        table=table,
        combinations=combine(table),
        unreached=_unreached(findings, table),
        params=_params(cancer, switched, len(edges)),
    )
    if key_added is not None:
        store(tally, key_added, result)
    return result


def edge_findings(edges: pd.DataFrame, special: Iterable[str]) -> list[Finding]:
    """Read edges from a table.

    Raises
    ------
    MissingKeyError
        When a column is missing.
    ArgumentError
        When a ligand or receptor is no gene, or an effect has no meaning.
    """
    for column in EDGE_COLUMNS:
        if column not in edges:
            raise MissingKeyError(
                f"'edges' has no column '{column}'. {did_you_mean(column, edges)}"
            )
    findings: dict[str, Finding] = {}
    for row in edges.to_dict("records"):
        finding = _edge(row, set(special))
        findings.setdefault(finding.claim, finding)
    return list(findings.values())


def _edge(row: dict[Any, Any], special: set[str]) -> Finding:
    for part in ("ligand", "receptor"):
        names = str(row[part]).split("_")
        wrong = [name for name in names if not is_gene(name)]
        if wrong or not subunits(str(row[part])):
            raise ArgumentError(
                f"'edges' has the {part} '{row[part]}': {wrong or ['(empty)']} is not a human gene symbol. "
                "Complexes are symbols joined by '_'; mouse genes need their human orthologs."
            )
    effect = str(row.get("effect", "unknown")) or "unknown"
    if effect not in EFFECTS:
        raise ArgumentError(
            f"'edges' has the effect '{effect}'; it must be one of {list(EFFECTS)}."
        )
    tissue = str(row.get("tissue", ""))
    where = f" in {tissue}" if tissue else ""
    return Finding(
        claim=f"{row['sender']} {row['ligand']} → {row['receiver']} {row['receptor']}{where}",
        kind="edge",
        sender=str(row["sender"]),
        receiver=str(row["receiver"]),
        ligand=str(row["ligand"]),
        receptor=str(row["receptor"]),
        tissue=tissue,
        effect=effect,
        is_supported=str(row.get("verdict", "")) in SUPPORTED,
        is_special=str(row["sender"]) in special,
        doubt=DOUBTS.get(str(row.get("effect_checked", "")), ""),
    )


def population_findings(switched: Sequence[str]) -> list[Finding]:
    """Make a finding of every population that switched sides."""
    return [
        Finding(
            claim=f"{name} switched sides",
            kind="population",
            sender=name,
            receiver="",
            ligand="",
            receptor="",
            tissue="",
            effect="pro_tumour",
            is_supported=True,
            is_special=True,
        )
        for name in dict.fromkeys(switched)
    ]


def _unreached(findings: Sequence[Finding], table: pd.DataFrame) -> pd.DataFrame:
    cut = set(table.loc[table["direction"] == "cuts", "claim"])
    any_drug = set(table["claim"])
    rows = [
        {
            "claim": finding.claim,
            "reason": "only drugs that feed it or whose direction is not stated"
            if finding.claim in any_drug
            else "no drug in the tables acts on its genes",
        }
        for finding in findings
        if finding.claim not in cut
    ]
    return UNREACHED.build(rows)


def _params(cancer: str, switched: Sequence[str], n_edges: int) -> dict[str, Any]:
    used = ("drugs_guide", "drugs_own", "drug_cuts")
    return {
        "cancer": cancer,
        "switched": list(switched),
        "n_edges": n_edges,
        "order": ["harmful last", *ORDER],
        "knowledge": {name: version for name, version in versions().items() if name in used},
        "use": "Research only: a list of experiments, not of treatments.",
    }
