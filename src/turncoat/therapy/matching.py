"""From a finding to the places where it can be cut, and the direction of every drug there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from turncoat.therapy.catalogue import is_gene

#: From the sender outwards.
LEVELS: Final = ("synthesis and secretion", "ligand", "receptor", "downstream", "the cell")
#: Ligands that hold their signal back: a drug that blocks them feeds it (Kawano and Kypta 2003,
#: J Cell Sci 116:2627, for the WNT antagonists).
ANTAGONISTS: Final = (
    "DKK1",
    "DKK2",
    "DKK3",
    "DKK4",
    "SFRP1",
    "SFRP2",
    "SFRP4",
    "SFRP5",
    "WIF1",
    "IL1RN",
)
#: Members of the families that curated cuts are told for; a name without members is a gene.
FAMILIES: Final = {
    "IL1": ("IL1A", "IL1B"),
    "TGFB": ("TGFB1", "TGFB2", "TGFB3"),
}
#: Ligands whose effect on the tumour is known to go both ways, with the reason.
CONTESTED: Final = {
    "WNT5A": "WNT5A can hold tumour-initiating cells back (Borcherding 2015, PMC4433621)",
    "TGFB1": "TGF-beta holds early tumours back and helps late ones",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One edge or one switched population.

    Parameters
    ----------
    claim
        Its name.
    kind
        ``edge`` or ``population``.
    sender, receiver, ligand, receptor, tissue
        What it is; empty where it does not apply.
    effect
        ``pro_tumour``, ``anti_tumour`` or ``unknown``: whom it serves.
    is_supported
        Whether it passed its test.
    is_special
        Whether the sender is malignant or switched sides.
    doubt
        What speaks against ``effect``: ``unchecked``, ``SecAct disagrees``; empty for nothing.
    """

    claim: str
    kind: str
    sender: str
    receiver: str
    ligand: str
    receptor: str
    tissue: str
    effect: str
    is_supported: bool
    is_special: bool
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """One place where a finding can be cut.

    Parameters
    ----------
    level, target
        Where.
    promotes
        Whether the target's activity helps the signal (False: it holds it back).
    needs
        Effect on the target that would cut a population; empty for signals.
    reach
        What else is hit.
    """

    level: str
    target: str
    promotes: bool
    needs: str
    reach: str


def cuts_of(finding: Finding, rules: pd.DataFrame) -> list[Cut]:
    """List every place where a finding can be cut.

    Parameters
    ----------
    finding
        The edge or population.
    rules
        The knowledge table ``drug_cuts``.

    Returns
    -------
    list
        Places, from the sender outwards; each target and level once.
    """
    if finding.kind == "population":
        told = rules[(rules["kind"] == "population") & (rules["name"] == finding.sender)]
        return [
            Cut("the cell", row["target"], promotes=True, needs=row["means"], reach=row["reach"])
            for row in told.to_dict("records")
        ]
    promotes = finding.ligand not in ANTAGONISTS
    cuts = [
        Cut("ligand", gene, promotes=promotes, needs="", reach=f"all {gene} of every cell")
        for gene in subunits(finding.ligand)
    ]
    cuts += [
        Cut("receptor", gene, promotes=promotes, needs="", reach=f"every signal through {gene}")
        for gene in subunits(finding.receptor)
    ]
    genes = subunits(finding.ligand)
    cuts += [
        Cut(
            row["level"],
            row["target"],
            promotes=row["means"] == "promotes",
            needs="",
            reach=row["reach"],
        )
        for row in rules[rules["kind"] == "signal"].to_dict("records")
        if any(_belongs(gene, row["name"]) for gene in genes)
    ]
    first: dict[tuple[str, str], Cut] = {}
    for cut in sorted(cuts, key=lambda each: LEVELS.index(each.level)):
        # A curated reach tells more than the general one: it replaces it.
        if (cut.level, cut.target) not in first or not cut.reach.startswith(("all ", "every ")):
            first[cut.level, cut.target] = cut
    return list(first.values())


def _belongs(gene: str, family: str) -> bool:
    """Whether a ligand is one of a family's members: IL10 begins with IL1 and is none of it."""
    return gene in FAMILIES.get(family, (family,)) or (family == "WNT" and _is_wnt(gene))


def _is_wnt(gene: str) -> bool:
    return gene.startswith("WNT") and gene[3:4].isdigit()


def subunits(name: str) -> list[str]:
    """Split a complex into its genes, leaving out what is no gene.

    Examples
    --------
    >>> subunits("FZD5_LRP6")
    ['FZD5', 'LRP6']
    """
    return [gene for gene in name.split("_") if is_gene(gene)]


def direction_of(effect: str, cut: Cut) -> str:
    """Say whether a drug cuts a signal, feeds it, or cannot be told.

    Parameters
    ----------
    effect
        The drug's effect on the target.
    cut
        The place.

    Returns
    -------
    str
        ``cuts``, ``feeds`` or ``unclear``.
    """
    if effect == "unclear":
        return "unclear"
    if cut.needs == "depletes":
        # Blocking what a cell carries does not remove the cell.
        return "cuts" if effect == "depletes" else "unclear"
    lowers = effect in {"blocks", "depletes", "degrades"}
    return "cuts" if lowers == cut.promotes else "feeds"


def warning_of(finding: Finding, cut: Cut, direction: str) -> tuple[bool, str]:
    """Say whether a drug would help the tumour, and what speaks against it.

    Returns
    -------
    tuple
        Whether it is harmful as far as is known, and the warning in words.
    """
    words = []
    harmful = False
    doubt = f" (whom it serves: {finding.doubt})" if finding.doubt else ""
    if direction == "unclear":
        words.append(
            "the source does not say which way the drug acts, or it may not remove the cell"
        )
    if finding.effect == "anti_tumour" and direction == "cuts":
        harmful = True
        words.append(f"the finding protects the patient: cutting it would help the tumour{doubt}")
    if finding.effect == "pro_tumour" and direction == "feeds":
        harmful = True
        words.append(f"the drug would feed the signal{doubt}")
    if finding.effect == "unknown":
        harmful = direction == "feeds"
        words.append(
            "whom the signal serves is not shown" + ("; the drug would feed it" if harmful else "")
        )
    words += [CONTESTED[gene] for gene in subunits(finding.ligand) if gene in CONTESTED]
    if finding.sender == "NK" and cut.level == "the cell":
        words.append("NK cells guard lymph nodes: what helps in the tumour may open the node")
    return harmful, "; ".join(words)


def match(
    findings: Sequence[Finding], drugs: pd.DataFrame, rules: pd.DataFrame
) -> list[dict[str, Any]]:
    """Find every drug for every cut of every finding.

    Parameters
    ----------
    findings
        Edges and populations.
    drugs
        From :func:`turncoat.therapy.catalogue.drugs`.
    rules
        The knowledge table ``drug_cuts``.

    Returns
    -------
    list
        One row per finding, cut and drug status: finding, cut, direction, harm and the drug's row.
    """
    places = [(finding, cut) for finding in findings for cut in cuts_of(finding, rules)]
    wanted = drugs[drugs["target"].isin({cut.target for _, cut in places})]
    by_target = {str(target): rows.to_dict("records") for target, rows in wanted.groupby("target")}
    rows: list[dict[str, Any]] = []
    for finding, cut in places:
        for drug in by_target.get(cut.target, []):
            direction = direction_of(str(drug["effect"]), cut)
            harmful, warning = warning_of(finding, cut, direction)
            rows.append(
                {
                    "finding": finding,
                    "cut": cut,
                    "drug": drug,
                    "direction": direction,
                    "is_harmful": harmful,
                    "warning": warning,
                }
            )
    return rows
