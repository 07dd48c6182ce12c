"""Short tables for readers: leading edges, programmes, key populations, and gaps of the panel."""

from typing import Any, Final

import pandas as pd

from turncoat.crosstalk.effects import kind_of_receiver
from turncoat.crosstalk.result import Crosstalk
from turncoat.knowledge.registry import read_table
from turncoat.knowledge.vocabulary import match_population
from turncoat.tables import Column, TableSchema

#: Populations whose exchange decides between defence and escape.
KEY_POPULATIONS: Final = ("Treg", "NK", "Macrophage", "Malignant")
#: Receptors of one signal that are named before the rest is counted.
NAMED: Final = 3
#: Whom a signal serves, and what speaks against that, in words.
SERVED: Final = {"pro_tumour": "the tumour", "anti_tumour": "defence"}
DOUBTS: Final = {"unchecked": "unchecked", "disagrees": "SecAct disagrees"}
SIGNAL: Final = ["sender", "ligand", "receiver", "tissue"]

EDGE_ROWS: Final = TableSchema(
    columns=(
        Column("edge", "text", "", "Sender, ligand, receptors, receiver."),
        Column("tissue", "text", "", "Tissue within which the comparison was made."),
        Column(
            "outcome",
            "text",
            "",
            "gained, lost, opposed, not sent, composition only, inconclusive.",
        ),
        Column("serves", "text", "", "Whom the signal is known to serve in this receiver."),
        Column("change", "real", "log2, 95 %", "Change of edge strength, case − reference."),
        Column("qvalue", "real", "", "Over donors, corrected over pairs and edges."),
        Column("donors", "text", "", "Donors with both sides in one sample, of those measured."),
        Column("rungs", "text", "", "Reached of: present, specific, different, heard."),
        Column("verdict", "text", "", "heard, silent, opposite or not testable."),
        Column("reason", "text", "", "Response looked for in the receiver, and what it did."),
    ),
)
PROGRAMME_ROWS: Final = TableSchema(
    (
        Column("signal", "text", "", "Sender, ligand, receiver."),
        Column("programme", "text", "", "Programme of the receiver."),
        Column("answer", "text", "", "rises, falls, silent or not testable."),
        Column("serves", "text", "", "Whom that serves, where it is known."),
        Column("correlation", "real", "", "Partial correlation with the signal over donors."),
        Column("within", "real", "", "The same within the arms."),
        Column("qvalue", "real", "", "Benjamini-Hochberg over all programmes asked."),
        Column("n_donors", "whole", "donors", "Donors, or pairs, that enter."),
        Column("reason", "text", "", "Why this answer."),
    )
)
PANEL_ROWS: Final = TableSchema(
    (
        Column("pathway", "text", "", "Pathway of the pair."),
        Column("measured", "whole", "pairs", "Pairs with all their genes on the panel."),
        Column("missing", "whole", "pairs", "Pairs that lack a gene."),
        Column("lacking", "text", "", "Genes lacking most often."),
    )
)


def served(row: dict[str, Any]) -> str:
    """Say whom an edge's signal serves, and where no data bear that out."""
    served = SERVED.get(row["effect"], "")
    doubt = DOUBTS.get(row["effect_checked"], "")
    return f"{served} ({doubt})" if served and doubt else served


def shown_by(row: dict[str, Any]) -> str:
    """Name who showed whom an edge's signal serves, and where no data bear it out."""
    doubt = DOUBTS.get(row["effect_checked"], "")
    return f"{row['effect_source']} ({doubt})" if doubt else str(row["effect_source"])


def leading(table: pd.DataFrame, n_signals: int) -> pd.DataFrame:
    """Take the best edge of each signal, and name the receptors of one signal together.

    Receptors of one ligand in one receiver rest on the same sender's gene: six rows of it would be
    one finding told six times. Receptors through which it serves others are told apart.
    """
    signal = [*SIGNAL, "effect", "verdict"]
    receptors = table.groupby(signal, sort=False)["receptor"].agg(list)
    first = table.drop_duplicates(signal).head(n_signals)
    index = pd.MultiIndex.from_frame(first[signal])
    return first.assign(receptor=[_named(names) for names in receptors.loc[index]])


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown


def programme_rows(result: Crosstalk, n_rows: int) -> pd.DataFrame:
    """List the programmes that follow their signal, then the expected ones of the first edges."""
    table = result.programmes.drop_duplicates([*SIGNAL, "programme"])
    follows = table[table["answer"].isin(["rises", "falls"])].sort_values("qvalue")
    others = table[table["is_expected"] & ~table.index.isin(follows.index)]
    rows = [_programme_row(row) for row in pd.concat([follows, others]).to_dict("records")]
    return PROGRAMME_ROWS.build(rows[:n_rows])


def _programme_row(row: dict[Any, Any]) -> dict[str, Any]:
    where = f" ({row['tissue']})" if row["tissue"] else ""
    return {
        **{name: row[name] for name in PROGRAMME_ROWS.names if name in row},
        "signal": f"{row['sender']} · {row['ligand']} → {row['receiver']}{where}",
        "serves": SERVED.get(row["effect"], ""),
    }


def key_encounters(result: Crosstalk) -> pd.DataFrame:
    """Keep the encounters between tumour cells, Treg, NK cells and macrophages."""
    table = result.encounters
    names = sorted(set(table["sender"]) | set(table["receiver"]))
    key = [name for name in names if _is_key(name)]
    return table[table["sender"].isin(key) & table["receiver"].isin(key)].reset_index(drop=True)


def _is_key(population: str) -> bool:
    ours = match_population(population).population
    return ours in KEY_POPULATIONS or kind_of_receiver(population) == "tumour"


def panel_rows(result: Crosstalk) -> pd.DataFrame:
    """Count, per pathway, the bundled pairs that the panel shows and those that it cannot."""
    missing = result.missing
    if missing.empty:
        return PANEL_ROWS.build([])
    signals = read_table("signals")
    known = signals[signals["species"] == result.params.get("species", "human")]
    joined = known.merge(missing, on=["ligand", "receptor"], how="left")
    joined = joined[joined["pathway"] != ""]
    rows = []
    for pathway, part in joined.groupby("pathway"):
        lacking = part["genes"].dropna().str.split(", ").explode().value_counts()
        rows.append(
            {
                "pathway": str(pathway),
                "measured": int(part["genes"].isna().sum()),
                "missing": int(part["genes"].notna().sum()),
                "lacking": ", ".join(lacking.index[:NAMED]),
            }
        )
    return PANEL_ROWS.build(rows)
