"""Set each row of the table of effects beside the signature that SecAct learnt for its ligand.

A publication's sign is read from memory of the field; the bundled SecAct signatures (association of
a secreted protein's activity with every gene, over many tumours) were learnt without it. For cells
that kill or help, a signal against the tumour should go with cytotoxicity and activation; for a
tumour cell, one that serves it should go with proliferation, stemness and epithelial-mesenchymal
transition. Agreement is weak support, disagreement a reason to look again, and no proof either way:
infiltrated tumours hold more of most cytokines.
"""

import pandas as pd

from turncoat.knowledge.registry import read_table

#: Programmes of each kind of receiver, and the effect that their rise stands for.
PROGRAMMES = {
    "killer": (("cytotoxicity", "activation"), "anti_tumour"),
    "helper": (("activation",), "anti_tumour"),
    "tumour": (("proliferation", "stemness", "epithelial-mesenchymal transition"), "pro_tumour"),
}
AGREES, DISAGREES, UNCHECKED = "SecAct agrees", "SecAct disagrees", "not checked"


def checked(effects: pd.DataFrame) -> list[str]:
    """Say of every row whether the ligand's SecAct signature agrees with its sign."""
    weights = read_table("responses").set_index("gene")
    programmes = read_table("response_programmes")
    said = []
    for row in effects.itertuples():
        part = next((one for one in str(row.ligand).split("_") if one in weights), "")
        if row.receiver not in PROGRAMMES or not part:
            said.append(UNCHECKED)
            continue
        names, rising = PROGRAMMES[str(row.receiver)]
        mine = programmes[programmes["programme"].isin(names)]
        mine = mine[mine["gene"].isin(weights.index)]
        excess = weights.loc[mine["gene"], part].to_numpy() * mine["sign"].to_numpy(dtype=float)
        level = excess.mean() - weights[part].mean()
        other = "pro_tumour" if rising == "anti_tumour" else "anti_tumour"
        said.append(AGREES if (rising if level > 0 else other) == row.effect else DISAGREES)
    return said


if __name__ == "__main__":
    table = read_table("signal_effects")
    table["checked"] = checked(table)
    signals = table.drop_duplicates(["ligand", "receiver", "effect"])
    print(table.groupby(["receiver", "checked"]).size().unstack(fill_value=0))
    print(signals.groupby(["receiver", "effect", "checked"]).size().unstack(fill_value=0))
    odd = signals[signals["checked"] == DISAGREES]
    print(" ".join(f"{r.ligand}:{r.receiver}:{r.effect}" for r in odd.itertuples()))
