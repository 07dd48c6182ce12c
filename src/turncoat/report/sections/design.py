"""What was studied: donors, tissues, populations, and who can be compared with whom."""

import pandas as pd

from turncoat.report.section import Material, Section, Table
from turncoat.stats import Contrast
from turncoat.tables import UNS_KEY, restore
from turncoat.tally import CellAccount, layout
from turncoat.tally.account import ACCOUNT_KEY

UNIT_OF_EVIDENCE = (
    "The donor is the unit of evidence throughout: more cells of the same donor make a "
    "measurement finer, never a finding surer."
)


def section(material: Material) -> Section:
    """Write the design from the tally and the study's contrasts."""
    tally = material.tally()
    rows = tally.obs
    notes = [UNIT_OF_EVIDENCE]
    kind = tally.uns[UNS_KEY][layout.META_KEY].get("study_kind", "unsorted")
    if kind != "unsorted":
        notes.append(
            f"The study declares its cells as {kind}: how many cells of a kind there are says "
            "nothing here, so composition is not tested."
        )
    return Section(
        title="What was studied",
        lead=_lead(rows),
        tables=(
            Table(
                "Who can be compared",
                _contrasts(material, rows),
                "Donors on either side of each comparison; pairs are donors with both.",
                verdicts=(),
            ),
            Table(
                "Donors, samples and cells",
                _by_tissue(rows),
                "What the tally holds, by tissue and condition.",
                verdicts=(),
            ),
            Table(
                "Cells per population",
                _by_population(rows),
                "Cells and donors of each population in each tissue.",
                folded=True,
                verdicts=(),
            ),
        ),
        notes=tuple(notes),
        dropped=restore(tally, ACCOUNT_KEY, CellAccount).dropped,
    )


def _lead(rows: pd.DataFrame) -> str:
    n_tissues = rows[layout.TISSUE].nunique()
    return (
        f"{rows[layout.DONOR].nunique()} donors gave {rows[layout.SAMPLE].nunique()} samples of "
        f"{n_tissues} {'tissue' if n_tissues == 1 else 'tissues'}, in all "
        f"{int(rows[layout.N_CELLS].sum()):,} cells of {rows[layout.POPULATION].nunique()} "
        "populations."
    )


def _contrasts(material: Material, rows: pd.DataFrame) -> pd.DataFrame:
    titles = material.titles()
    return pd.DataFrame(
        [_contrast_row(titles[part], c, rows) for part, c in material.contrasts().items()]
    )


def _contrast_row(title: str, contrast: Contrast, rows: pd.DataFrame) -> dict[str, object]:
    levels = rows[contrast.variable].astype(str)
    donors = rows[layout.DONOR].astype(str)
    case = set(donors[levels == contrast.case])
    reference = set(donors[levels == contrast.reference])
    return {
        "contrast": title,
        "compares": contrast.label,
        "donors, case": len(case),
        "donors, reference": len(reference),
        "pairs": len(case & reference),
        "compared within": contrast.block or "–",
        "adjusted for": ", ".join(contrast.covariates) or "–",
    }


def _by_tissue(rows: pd.DataFrame) -> pd.DataFrame:
    keys = [key for key in (layout.TISSUE, layout.CONDITION) if len(set(rows[key])) > 1]
    groups = rows.astype(dict.fromkeys(keys, str)).groupby(keys or [layout.TISSUE])
    table = groups.agg(
        donors=(layout.DONOR, "nunique"),
        samples=(layout.SAMPLE, "nunique"),
        cells=(layout.N_CELLS, "sum"),
    )
    return table.reset_index()


def _by_population(rows: pd.DataFrame) -> pd.DataFrame:
    frame = rows.astype({layout.POPULATION: str, layout.TISSUE: str, layout.DONOR: str})
    table = frame.groupby([layout.POPULATION, layout.TISSUE]).agg(
        donors=(layout.DONOR, "nunique"),
        samples=(layout.SAMPLE, "nunique"),
        cells=(layout.N_CELLS, "sum"),
    )
    return table.reset_index()
