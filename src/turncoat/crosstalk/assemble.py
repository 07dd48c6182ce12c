"""The tables around the edges."""

from typing import Any, Final

import numpy as np
import pandas as pd

from turncoat.crosstalk.heard import Responses
from turncoat.crosstalk.labels import texts
from turncoat.crosstalk.pairs import Pairs
from turncoat.crosstalk.result import KEY, Crosstalk
from turncoat.crosstalk.science import Limits
from turncoat.crosstalk.tissue import TissueResult
from turncoat.stats.contrast import Contrast
from turncoat.stats.multiplicity import benjamini_hochberg

#: Edges whose donors are kept for figures.
KEPT: Final = 200


def donor_table(
    tissues: list[TissueResult], table: pd.DataFrame, contrast: Contrast
) -> pd.DataFrame:
    """Tabulate signal and response per donor, for the edges ranked first.

    Parameters
    ----------
    tissues
        Tests of every tissue.
    table
        Edges in order, with the column ``edge``: their number within the tissue.
    contrast
        Names the arms.

    Returns
    -------
    DataFrame
        Columns of :attr:`Crosstalk.donors_schema`.
    """
    schema, top = Crosstalk.donors_schema, table.head(KEPT)
    parts: list[pd.DataFrame] = []
    for found in tissues:
        mine = top[top["tissue"] == found.tissue]
        edge = mine["edge"].to_numpy()
        known = np.isfinite(found.edges.strength[:, edge])
        unit, row = np.nonzero(known)
        if not unit.size:
            continue
        part = pd.DataFrame({name: texts(mine[name])[row] for name in KEY})
        part["donor"] = np.array(found.units.donors, dtype=object)[unit]
        part["arm"] = np.where(found.units.case, contrast.case, contrast.reference)[unit]
        part["strength"] = found.edges.strength[unit, edge[row]]
        part["signal"] = found.edges.ligand[unit, edge[row]]
        part["receptor_level"] = found.edges.receptor[unit, edge[row]]
        part["response_score"] = found.score(edge)[unit, row]
        parts.append(part)
    joined = pd.concat(parts, ignore_index=True) if parts else schema.build([])
    return schema.build({name: joined[name] for name in schema.names})


def abundance_table(tissues: list[TissueResult], *, counts_cells: bool) -> pd.DataFrame:
    """Tabulate the change of every population's share."""
    rows: list[dict[str, Any]] = []
    subsampled = "" if counts_cells else "the study was sorted or subsampled: shares mean nothing"
    for found in tissues:
        qvalue = benjamini_hochberg(found.abundance.pvalue)
        rows += [
            {
                "population": population,
                "tissue": found.tissue,
                "change": found.abundance.change[place],
                "pvalue": found.abundance.pvalue[place],
                "qvalue": qvalue[place],
                "reason": subsampled
                or ("" if np.isfinite(qvalue[place]) else "too few donors, or no variation"),
            }
            for place, population in enumerate(found.field.populations)
        ]
    return Crosstalk.abundance_schema.build(rows)


def antagonist_table(tissues: list[TissueResult]) -> pd.DataFrame:
    """Tabulate the change of every antagonist."""
    rows: list[dict[str, Any]] = []
    for found in tissues:
        ligands = found.antagonists.groupby("antagonist")["ligand"].nunique()
        for place, name in enumerate(sorted(set(found.antagonists["antagonist"]))):
            rows.append(
                {
                    "antagonist": name,
                    "tissue": found.tissue,
                    "change": found.antagonist_change.change[place],
                    "pvalue": found.antagonist_change.pvalue[place],
                    "n_ligands": int(ligands[name]),
                }
            )
    return Crosstalk.antagonists_schema.build(rows)


def coverage_table(responses: Responses) -> pd.DataFrame:
    """Tabulate how much of each response the panel measures."""
    return Crosstalk.coverage_schema.build(
        {
            "response": list(responses.names),
            "n_genes": responses.n_genes,
            "coverage": responses.coverage,
            "is_usable": responses.usable,
        }
    )


def dropped_table(tissues: list[TissueResult], pairs: Pairs, limits: Limits) -> pd.DataFrame:
    """Say what was left out, how much of it, and why."""
    rows: list[dict[str, Any]] = []
    if len(pairs.missing):
        rows.append(_row("pair", "", len(pairs.missing), "a gene is not on the panel; see missing"))
    for found in tissues:
        field = found.field
        few = ((field.n_cells > 0) & ~field.measured(limits.min_cells)).sum()
        if few:
            reason = f"fewer than {limits.min_cells} cells or no counts"
            rows.append(_row("population in a sample", found.tissue, int(few), reason))
        possible = len(field.populations) ** 2 * len(pairs.table)
        absent = possible - found.edges.pair.size
        reason = (
            f"not present in {limits.min_donors} donors and {limits.min_share:.0%} of an arm: a "
            "side is not expressed, the two never meet in a sample, or the sender was not asked for"
        )
        rows.append(_row("edge", found.tissue, absent, reason))
    return Crosstalk.dropped_schema.build(rows)


def _row(what: str, tissue: str, n: int, reason: str) -> dict[str, Any]:
    return {"what": what, "tissue": tissue, "n": n, "reason": reason}
