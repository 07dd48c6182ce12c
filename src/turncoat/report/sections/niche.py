"""The niche on the page: organ by organ, against the organ's own baseline."""

from turncoat.niche import Niche, plot
from turncoat.report.answer import listed
from turncoat.report.section import Material, Section, Table, figure_of

NOTES = (
    ("Every organ is compared with its own healthy or adjacent tissue: what the organ always does "
    "(CD56bright NK cells in nodes, for instance) is not taken for a change."),
    ("Openness averages named parts, each in units of its spread between donors; it is a summary "
    "of these parts, not a measurement of metastasis."),
)  # fmt: skip
NO_BATCH = (
    "No batch was named ([niche] batch): where organs were measured in different runs, what is due to "
    "the run cannot be told from what is due to the organ."
)
SHOWN = [
    "organ",
    "part",
    "status",
    "reason",
    "within",
    "n_donors",
    "shift",
    "lower",
    "upper",
    "pvalue",
]


def section(material: Material) -> Section | None:
    """Write the organs, or nothing where no organ was asked."""
    found = material.results("niche", Niche) if "niche" not in material.skipped else {}
    result = found.get("")
    if result is None:
        return None
    lead = _lead(result)
    tested = (result.openness["status"] == "tested").any()
    return Section(
        title="In which organ is the door open?",
        lead=lead,
        tables=_tables(result),
        figures=(
            figure_of(
                plot.niche(result),
                title="Openness and its parts",
                alt=lead,
                caption="Change of each part against the organ's baseline, 95 % interval.",
            ),
        )
        if tested
        else (),
        notes=NOTES if result.params["batch_key"] else (*NOTES, NO_BATCH),
    )


def _tables(result: Niche) -> tuple[Table, ...]:
    changes = result.changes[result.changes["status"] == "tested"]
    tables = [
        Table(
            "Openness and its parts", result.openness[SHOWN], "Higher is more open.", verdicts=()
        ),
        Table(
            "Changes against the baseline",
            changes.sort_values("pvalue").head(30),
            "The 30 clearest changes of state or make-up; all are in findings/.",
            Niche.changes_schema,
            folded=True,
            verdicts=(),
        ),
        Table(
            "Organs against each other",
            result.organs[result.organs["verdict"].isin(["own change", "baseline"])],
            "What differs between organs, and whether their baselines differ as well.",
            Niche.organs_schema,
            folded=True,
            verdicts=(),
        ),
    ]
    return tuple(table for table in tables if len(table.frame))


def _lead(result: Niche) -> str:
    whole = result.openness[result.openness["part"] == "openness"]
    parts = []
    for row in whole.to_dict("records"):
        name = f"{row['organ']} against {row['baseline']}"
        if row["status"] != "tested":
            parts.append(f"{name}: could not be told ({row['reason']}).")
        elif row["qvalue"] <= result.params["fdr"]:
            way = "more open" if row["shift"] > 0 else "less open"
            parts.append(f"{name}: {way} ({row['shift']:+.2g} spreads of donors).")
        else:
            parts.append(f"{name}: no change of openness could be shown.")
    own = result.organs.loc[result.organs["verdict"] == "own change", "population"]
    if len(own):
        parts.append(f"Organs change differently in {listed(sorted(set(own)))}.")
    return " ".join(parts)
