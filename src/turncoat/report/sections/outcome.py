"""Outcome on the page: what more of a state costs patients, and what the cohorts cannot see."""

import math
from typing import Any

import numpy as np
import pandas as pd

from turncoat.outcome import Outcome, plot
from turncoat.report.cells import Estimate
from turncoat.report.claim import Claim, Evidence
from turncoat.report.plain import plain_short
from turncoat.report.section import Figure, Material, Section, Table, figure_of
from turncoat.tables import Column, TableSchema

SHOWN = TableSchema(
    columns=(
        Column("signature", "text", "", "The population, and what is scored of it."),
        Column("stratum", "text", "", "Patients asked."),
        Column("verdict", "text", "", "worse, better, no association or cannot tell."),
        Column("ratio", "real", "per SD, 95 %", "Pooled hazard ratio, adjusted; above 1 is worse."),
        Column("patients", "text", "", "Patients, events and cohorts."),
        Column("qvalue", "real", "", "Corrected over the rows of this table."),
        Column("random", "real", "", "Share of random signatures that do as well."),
        Column("reason", "text", "", "Why this verdict."),
    ),
)
SIGHT = TableSchema(
    columns=(
        Column("signature", "text", "", "The population, and what is scored of it."),
        Column("cohort", "text", "", "The cohort."),
        Column("endpoint", "text", "", "What was waited for."),
        Column("genes", "text", "", "Signature genes measured, and those missing."),
        Column("seen_in_cohort", "real", "", "Share of transcripts whose difference is found."),
        Column("seen_in_patient", "real", "", "Share at which a single patient stands out."),
        Column("resolvable", "text", "", "Whether deconvolution can show the population here."),
        Column("gain", "real", "", "Concordance added to the covariates, corrected."),
        Column("reason", "text", "", "Why there is no score; empty where there is one."),
    ),
)
MAX_FIGURES = 3
#: Longer tables start closed.
MAX_OPEN = 12
FALSIFIED = {
    "worse": "a cohort of like size in which patients with more of the state do no worse.",
    "better": "a cohort of like size in which patients with more of the state do no better.",
    "no association": "a larger cohort whose interval lies beyond the least effect that matters.",
    "cannot tell": "a cohort with as many events as the table asks for.",
}
NOTES = (
    "A hazard ratio is per standard deviation of the score, beside lineage, proliferation, tumour content and the clinic's variables.",
    "Association is not cause: a score says which patients fared worse, not why.",
    "Thirds in the survival curves are fixed and a picture only; no cut-point was sought.",
    "Bulk samples see a state only above a frequency that the table states; below it, silence means nothing.",
)


def section(material: Material) -> Section | None:
    """Write the section, or nothing when no cohort was asked."""
    found = material.results("outcome", Outcome)
    if not found:
        return None
    result = next(iter(found.values()))
    return Section(
        title="What does it cost the patient?",
        lead=_lead(result),
        claims=tuple(_claim(row) for row in _rows(result.table) if row["stratum"] == _all(result)),
        tables=(_verdicts(result), _sight(result), _genes(result), _resolution(result)),
        figures=tuple(_figures(result)),
        notes=NOTES,
        dropped=result.dropped,
    )


def _all(result: Outcome) -> str:
    return str(result.params["all_patients"])


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _lead(result: Outcome) -> str:
    everyone = result.table[result.table["stratum"] == _all(result)]
    counts = everyone["verdict"].value_counts()
    told = ", ".join(f"{counts[word]} {word}" for word in FALSIFIED if word in counts)
    cohorts = "; ".join(f"{name}: {title}" for name, title in result.params["cohorts"].items())
    untested = everyone.loc[everyone["status"] != "tested", "signature"]
    refused = (
        f" ({len(untested)} of them have no score: too few genes are specific)"
        if len(untested)
        else ""
    )
    return (
        f"Of {len(everyone)} scores asked: {told}{refused}. The cohorts ({cohorts}) were gathered for other "
        "questions; what they say holds for their cancer and their treatment."
    )


def _claim(row: dict[str, Any]) -> Claim:
    verdict = str(row["verdict"])
    return Claim(
        identifier=f"outcome/cohorts/{row['signature']}",
        sentence=_sentence(row),
        plain=_plain(row),
        contrast="",
        subject=str(row["signature"]),
        verdict=verdict,
        evidence=(_evidence(row),),
        falsified_by=FALSIFIED[verdict],
        populations=(str(row["signature"]).partition(", ")[0],),
    )


def _sentence(row: dict[str, Any]) -> str:
    if row["status"] != "tested":
        return f"{row['signature']}: no cohort could be asked ({row['reason']})."
    ratio = f"hazard ratio {row['hr']:.2f} per standard deviation ({row['low']:.2f} to {row['high']:.2f})"
    told = f"{row['signature']}: {ratio}, {row['n_events']} events in {row['n_cohorts']} cohorts"
    reason = f"; {row['reason']}" if row["reason"] else ""
    return f"{told}: {row['verdict']}{reason}."


def _plain(row: dict[str, Any]) -> str:
    name, _, what = str(row["signature"]).partition(", ")
    subject = plain_short(name)
    more = f"more {subject}" if what == "abundance" else f"{subject} in this state"
    words = {
        "worse": f"Patients with {more} tended to do worse. That does not show that the cells are the cause.",
        "better": f"Patients with {more} tended to do better. That does not show that the cells are the cause.",
        "no association": f"Patients with {more} did about as well as others.",
        "cannot tell": f"Whether patients with {more} do better or worse could not be told from these records.",
    }
    return words[str(row["verdict"])]


def _evidence(row: dict[str, Any]) -> Evidence:
    effect = math.log(row["hr"]) if row["hr"] > 0 else float("nan")
    low, high = (math.log(row[end]) if row[end] > 0 else float("nan") for end in ("low", "high"))
    clear = row["verdict"] in {"worse", "better"}
    direction = {"worse": "pro-tumour", "better": "anti-tumour", "no association": "neither"}
    return Evidence(
        rung="outcome",
        bearing="supports" if clear else "open",
        direction=direction.get(str(row["verdict"]), "unknown"),  # type: ignore[arg-type]
        effect=effect,
        unit="log hazard ratio per SD",
        low=low,
        high=high,
        pvalue=float(row["pvalue"]),
        qvalue=float(row["qvalue"]),
        n_donors=int(row["n_patients"]),
        n_cohorts=int(row["n_cohorts"]),
        table="outcome.table",
        row={"signature": str(row["signature"]), "stratum": str(row["stratum"])},
        note=str(row["reason"]),
    )


def _verdicts(result: Outcome) -> Table:
    rows = [
        {
            "signature": row["signature"],
            "stratum": row["stratum"],
            "verdict": row["verdict"],
            "ratio": Estimate(row["hr"], row["low"], row["high"]),
            "patients": f"{row['n_patients']} patients, {row['n_events']} events, {row['n_cohorts']} cohorts",
            "qvalue": row["qvalue"],
            "random": row["random_pvalue"],
            "reason": row["reason"],
        }
        for row in _rows(result.table)
        if row["status"] == "tested"
    ]
    frame = pd.DataFrame(rows, columns=SHOWN.names)
    caption = (
        "Pooled with Hartung and Knapp's interval, which is wide for two or three cohorts: that is "
        "what so few cohorts can say. The claim must also beat random signatures."
    )
    return Table("Verdicts", frame, caption=caption, schema=SHOWN)


def _sight(result: Outcome) -> Table:
    rows = [
        {
            "signature": row["signature"],
            "cohort": row["cohort"],
            "endpoint": row["endpoint"],
            "genes": f"{row['n_genes']} used"
            + (f"; missing {row['missing']}" if row["missing"] else ""),
            "seen_in_cohort": row["seen_in_cohort"],
            "seen_in_patient": row["seen_in_patient"],
            "resolvable": row["resolvable"],
            "gain": row["gain"],
            "reason": row["reason"],
        }
        for row in _rows(result.sight)
    ]
    caption = "Read before any hazard ratio: at what frequency would these cohorts see the state?"
    return Table(
        "What the cohorts can see",
        pd.DataFrame(rows, columns=SIGHT.names),
        caption=caption,
        schema=SIGHT,
        folded=len(rows) > MAX_OPEN,
    )


def _genes(result: Outcome) -> Table:
    columns = ["signature", "gene", "weight", "used", "reason"]
    frame = result.genes[columns].assign(used=np.where(result.genes["used"], "used", "not used"))
    caption = "A gene serves only where the population has it above every other one of this study."
    return Table("Genes of the scores", frame, caption=caption, folded=True)


def _resolution(result: Outcome) -> Table:
    caption = (
        "Mixtures of held-out donors' cells, measured in each cohort's genes: which populations "
        "deconvolution could show at all. Shares are of transcripts."
    )
    return Table(
        "Deconvolution check",
        result.resolution,
        caption=caption,
        schema=Outcome.resolution_schema,
        folded=True,
    )


def _figures(result: Outcome) -> list[Figure]:
    figures = []
    tested = result.table[
        (result.table["stratum"] == _all(result)) & (result.table["status"] == "tested")
    ]
    for name in list(tested["signature"])[:MAX_FIGURES]:
        verdict = tested.set_index("signature").loc[name, "verdict"]
        figures.append(
            figure_of(
                plot.outcome_forest(result, signature=name),
                title=f"Hazard ratios, {name}",
                alt=f"{name}: {verdict}.",
                caption="Squares: cohorts; diamonds: pooled. Grey band: too small to matter.",
            )
        )
    if len(tested):
        name = str(tested["signature"].iloc[0])
        figures.append(
            figure_of(
                plot.outcome_curves(result, signature=name),
                title=f"Survival by thirds, {name}",
                alt=f"Survival by thirds of the score of {name}; the test is in the table.",
                caption="Fixed thirds of the score; a picture, not a test.",
            )
        )
        if (result.random["signature"] == name).sum() > 1:
            figures.append(
                figure_of(
                    plot.outcome_random(result, signature=name),
                    title=f"Random signatures, {name}",
                    alt=f"Where the score of {name} stands among random signatures.",
                    caption="Random signatures of like size and expression in the same models.",
                )
            )
    return figures
