"""Make the table of what a signal does to the tumour, and mark the pairs with it.

Usage: python scripts/knowledge/effects.py   (after signals.py; run it again after each change here)

A rule names ligands, receptors, receivers (none: any), the effect and its source. A receptor stands
for every complex that holds it, and `*` for any ending: pairs of a ligand with receptors that the
publication does not speak of stay unknown, and so does what experiments show both ways.
"""

from fnmatch import fnmatchcase

import pandas as pd
from effects_check import checked
from signals import DATE, OWN, SHELF, write_card

from turncoat.knowledge.registry import read_table

PRO, ANTI = "pro_tumour", "anti_tumour"
KILLERS = "killer"
T = "killer helper"
RULES: list[tuple[str, str, str, str, str]] = [
    # ligands, receptors, receivers, effect, source
    ("WNT1 WNT2 WNT2B WNT3 WNT3A WNT7B WNT8A WNT8B WNT9A WNT9B WNT10A WNT10B", "FZD* LRP5 LRP6", "tumour", PRO,
     "canonical WNT keeps cancer stem cells (Malanchi 2008; Zhan 2017)"),
    ("RSPO1 RSPO2 RSPO3 RSPO4", "LGR4 LGR5 LGR6 LRP6", "tumour", PRO, "amplifies WNT in tumours (Seshagiri 2012)"),
    ("TGFB1 TGFB2 TGFB3", "TGFBR*", T, PRO, "silences cytotoxic T cells (Thomas and Massague 2005)"),
    ("TGFB1 TGFB2 TGFB3", "TGFBR*", "Treg", PRO, "makes and keeps Treg (Chen 2003)"),
    ("TGFB1 TGFB2 TGFB3", "TGFBR*", "fibroblast", PRO, "stroma that feeds metastasis (Calon 2012)"),
    ("IFNG", "IFNGR*", "tumour", ANTI, "needed for immune surveillance (Kaplan 1998; Shankaran 2001)"),
    ("IFNA1 IFNA2 IFNA4 IFNA5 IFNA6 IFNA7 IFNA8 IFNA10 IFNA14 IFNA16 IFNA17 IFNA21 IFNB1", "IFNAR*",
     "dendritic", ANTI, "cross-presentation to CD8 T cells (Fuertes 2011; Diamond 2011)"),
    ("FASLG", "FAS", "tumour", ANTI, "kills by FAS (Nagata and Golstein 1995)"),
    ("FASLG", "FAS", KILLERS, PRO, "kills the T cells that come (Motz 2014)"),
    ("TNFSF10", "TNFRSF10A TNFRSF10B", "tumour", ANTI, "kills by TRAIL (Walczak 1999)"),
    ("CD274 PDCD1LG2", "PDCD1", "killer helper myeloid", PRO, "checkpoint PD-1 (Freeman 2000; Latchman 2001)"),
    ("CD80 CD86", "CTLA4", "killer helper Treg", PRO, "checkpoint CTLA-4 (Leach 1996)"),
    ("CD80 CD86", "CD28", T, ANTI, "rescue of CD8 T cells needs CD28 (Kamphorst 2017)"),
    ("NECTIN2 PVR", "TIGIT", "killer helper Treg", PRO, "checkpoint TIGIT (Yu 2009; Johnston 2014)"),
    ("NECTIN2 PVR", "CD226", KILLERS, ANTI, "killing by DNAM-1 (Iguchi-Manaka 2008)"),
    ("LGALS9", "HAVCR2", T, PRO, "checkpoint TIM-3 (Zhu 2005)"),
    ("FGL1", "LAG3", T, PRO, "checkpoint LAG-3 (Wang 2019)"),
    ("CD47", "SIRPA", "myeloid dendritic", PRO, "do-not-eat-me signal (Majeti 2009)"),
    ("CD24", "SIGLEC10", "myeloid", PRO, "do-not-eat-me signal (Barkal 2019)"),
    ("CLEC2D", "KLRB1", KILLERS, PRO, "checkpoint CD161 (Mathewson 2021)"),
    ("HLA-E", "KLRC1_KLRD1", KILLERS, PRO, "checkpoint NKG2A (Andre 2018; van Montfoort 2018)"),
    ("HLA-A HLA-B HLA-C", "KIR2DL1 KIR2DL2 KIR2DL3 KIR3DL1 KIR3DL2", KILLERS, PRO,
     "holds NK cells back: its mismatch kills leukaemia (Ruggeri 2002)"),
    ("HLA-G", "LILRB1 LILRB2 KIR2DL4", "killer myeloid dendritic", PRO, "tolerance by HLA-G (Carosella 2015)"),
    ("HLA-A HLA-B HLA-C", "CD8A CD8B", KILLERS, ANTI,
     "tumours escape by losing HLA class I (McGranahan 2017)"),
    ("MICA MICB ULBP1 ULBP2 ULBP3 RAET1E RAET1G RAET1L", "KLRK1 HCST_KLRK1", KILLERS, ANTI,
     "NKG2D surveillance (Guerra 2008)"),
    ("NCR3LG1", "NCR3", KILLERS, ANTI, "tumour ligand of NKp30 (Brandt 2009)"),
    ("CD58", "CD2", KILLERS, ANTI, "tumours escape by losing CD58 (Challa-Malladi 2011)"),
    ("LGALS1", "PTPRC CD69", KILLERS, PRO, "kills or silences T cells (Rubinstein 2004)"),
    ("TNFSF4", "TNFRSF4", T, ANTI, "costimulation by OX40 (Weinberg 2000)"),
    ("TNFSF9", "TNFRSF9", KILLERS, ANTI, "costimulation by 4-1BB (Melero 1997)"),
    ("CD40LG", "CD40", "dendritic myeloid", ANTI,
     "licenses antigen presentation (Bennett 1998; Beatty 2011)"),
    ("IL2", "IL2RA IL2RB", T, ANTI, "tumours regress on IL-2 (Rosenberg 2014)"),
    ("IL2", "IL2RA IL2RB", "Treg", PRO, "keeps Treg alive (Fontenot 2005)"),
    ("IL15", "IL2RB IL15RA", KILLERS, ANTI, "NK and CD8 T cells live on it (Mlecnik 2014; Conlon 2015)"),
    ("IL7", "IL7R", T, ANTI, "revives antitumour T cells (Pellegrini 2009)"),
    ("IL21", "IL21R", KILLERS, ANTI, "CD8 T cells and tumour rejection (Zeng 2005)"),
    ("IL12A IL12B IL12A_IL12B", "IL12RB1 IL12RB2", "killer helper dendritic", ANTI,
     "antitumour immunity (Nastala 1994; Garris 2018)"),
    ("IL18", "IL18R1 IL18RAP", KILLERS, ANTI, "antitumour once its decoy is evaded (Zhou 2020)"),
    ("IL12B_IL23A", "IL23R", "helper myeloid", PRO, "promotes tumours (Langowski 2006)"),
    ("EBI3_IL12A", "IL12RB2 IL6ST", T, PRO, "IL-35 of Treg exhausts T cells (Collison 2007; Turnis 2016)"),
    ("IL6", "IL6R IL6ST", "tumour myeloid", PRO, "IL-6 and STAT3 (Grivennikov 2009; Johnson 2018)"),
    ("IL11", "IL11RA", "tumour", PRO, "STAT3 (Putoczki 2013)"),
    ("LIF", "LIFR", "tumour", PRO, "pancreatic cancer (Shi 2019)"),
    ("LIF", "LIFR", "myeloid", PRO, "macrophages that keep CD8 T cells out (Pascual-Garcia 2019)"),
    ("OSM", "OSMR LIFR", "tumour", PRO, "stem-like change of breast cancer (West 2014)"),
    ("IL1A IL1B", "IL1R1", "myeloid fibroblast endothelial tumour", PRO,
     "angiogenesis and invasion; fewer lung cancers when blocked (Voronov 2003; Ridker 2017)"),
    ("IL4", "IL4R", "myeloid", PRO, "macrophages that promote invasion (Gocheva 2010)"),
    ("CSF1 IL34", "CSF1R", "myeloid", PRO, "macrophages of the tumour (Lin 2001; Ries 2014)"),
    ("CSF3", "CSF3R", "myeloid", PRO, "neutrophils that silence CD8 T cells (Coffelt 2015)"),
    ("IL17A", "IL17R*", "myeloid", PRO, "neutrophils that silence CD8 T cells (Coffelt 2015)"),
    ("S100A8 S100A9", "TLR4 AGER", "myeloid", PRO, "suppressive myeloid cells (Sinha 2008)"),
    ("CCL2", "CCR2", "myeloid", PRO, "monocytes that help metastasis (Qian 2011)"),
    ("CCL17 CCL22", "CCR4", "Treg", PRO, "draws Treg (Curiel 2004)"),
    ("CCL28", "CCR10", "Treg", PRO, "draws Treg (Facciabene 2011)"),
    ("CCL1", "CCR8", "Treg", PRO, "strengthens Treg (Barsheshet 2017)"),
    ("CXCL9 CXCL10 CXCL11", "CXCR3", T, ANTI, "draws CD8 T cells (Mikucki 2015)"),
    ("CXCL16", "CXCR6", KILLERS, ANTI, "keeps cytotoxic T cells alive (Di Pilato 2021)"),
    ("XCL1 XCL2 CCL5", "XCR1 CCR5 CCR1", "dendritic", ANTI, "NK cells draw cDC1 (Bottcher 2018)"),
    ("FLT3LG", "FLT3", "dendritic", ANTI, "NK cells keep cDC1 (Salmon 2016; Barry 2018)"),
    ("CCL4", "CCR5", "dendritic", ANTI, "draws cDC1 (Spranger 2015)"),
    ("CCL19 CCL21", "CCR7", "dendritic", ANTI, "carries antigen to the node (Roberts 2016)"),
    ("CCL19 CCL21", "CCR7", "tumour", PRO, "spread to lymph nodes (Muller 2001)"),
    ("CCL5", "CCR5 CCR1 CCR3", "tumour", PRO, "metastasis of breast cancer (Karnoub 2007)"),
    ("CXCL12", "CXCR4", "tumour", PRO, "homing of metastases (Muller 2001)"),
    ("CXCL12", "CXCR4", KILLERS, PRO, "keeps T cells out (Feig 2013)"),
    ("CXCL1 CXCL2 CXCL3 CXCL5 CXCL6 CXCL8", "CXCR1 CXCR2", "myeloid", PRO,
     "draws suppressive neutrophils (Jamieson 2012; Steele 2016)"),
    ("CXCL1 CXCL2", "CXCR2", "myeloid", PRO, "chemoresistance and metastasis (Acharyya 2012)"),
    ("VEGFA", "KDR FLT1 NRP1", "endothelial", PRO, "angiogenesis (Kim 1993; Hurwitz 2004)"),
    ("VEGFA", "KDR FLT1 NRP1", KILLERS, PRO, "exhausts CD8 T cells (Voron 2015)"),
    ("VEGFC VEGFD", "FLT4", "endothelial", PRO, "lymphatic spread (Skobe 2001)"),
    ("ANGPT2", "TEK", "endothelial", PRO, "vessels and macrophages (Mazzieri 2011)"),
    ("FGF2", "FGFR*", "endothelial", PRO, "angiogenesis past VEGF (Casanovas 2005)"),
    ("EGF AREG EREG TGFA HBEGF BTC", "EGFR ERBB*", "tumour", PRO, "ERBB receptors (Hynes and Lane 2005)"),
    ("NRG1", "ERBB*", "tumour", PRO, "resistance to kinase inhibitors (Wilson 2012)"),
    ("HGF", "MET", "tumour", PRO, "resistance from the stroma (Straussman 2012; Wilson 2012)"),
    ("IGF1 IGF2", "IGF1R", "tumour", PRO, "IGF1R in neoplasia (Pollak 2008)"),
    ("GAS6", "TYRO3 AXL MERTK", KILLERS, PRO, "holds NK cells back (Paolino 2014)"),
    ("SPP1", "CD44", KILLERS, PRO, "checkpoint of T cells (Klement 2018)"),
    ("POSTN", "ITG*", "tumour", PRO, "niche of metastatic stem cells (Malanchi 2012)"),
    ("TNC", "ITG*", "tumour", PRO, "niche of lung metastases (Oskarsson 2011)"),
    ("JAG1", "NOTCH1 NOTCH2 NOTCH3", "tumour", PRO, "bone metastasis (Sethi 2011)"),
    ("TNFSF11", "TNFRSF11A", "tumour", PRO, "spread by RANK (Jones 2006; Tan 2011)"),
]  # fmt: skip

#: Pairs that the consensus lacks, or that were lost with a complex that is none ("CSF1_IL34"):
#: ligand, receptor, kind, pathway, source.
ADDED = [
    ("CSF1", "CSF1R", "secreted", "colony-stimulating factors", "Stanley 2014"),
    ("IL34", "CSF1R", "secreted", "colony-stimulating factors", "Lin 2008"),
    ("PVR", "TIGIT", "contact", "immune checkpoint", "Yu 2009"),
    ("PVR", "CD226", "contact", "immune checkpoint", "Bottino 2003"),
    ("PVR", "CD96", "contact", "immune checkpoint", "Fuchs 2004"),
    ("IL17A", "IL17RA_IL17RC", "secreted", "IL-17", "Toy 2006"),
]


def with_added(signals: pd.DataFrame) -> pd.DataFrame:
    """Add the pairs that the consensus lacks, in both species."""
    rows = [
        {
            "species": species,
            "ligand": ligand if species == "human" else ligand.capitalize(),
            "receptor": receptor
            if species == "human"
            else "_".join(part.capitalize() for part in receptor.split("_")),
            "kind": kind,
            "pathway": pathway,
            "sources": f"own: {source}",
            "n_sources": 1,
            "caution": "",
        }
        for ligand, receptor, kind, pathway, source in ADDED
        for species in ("human", "mouse")
    ]
    keys = ["species", "ligand", "receptor"]
    table = pd.concat([signals, pd.DataFrame(rows)]).drop_duplicates(keys)
    return table.sort_values(keys).reset_index(drop=True)


def receptors_of(pairs: pd.DataFrame) -> dict[str, list[str]]:
    """Receptors of each human ligand."""
    human = pairs[pairs["species"] == "human"]
    return {str(ligand): sorted(rows["receptor"]) for ligand, rows in human.groupby("ligand")}


def effects(pairs: pd.DataFrame) -> pd.DataFrame:
    """Write the rules out: one row per ligand, receptor and receiver; human symbols."""
    known = receptors_of(pairs)
    rows = [
        {"ligand": ligand, "receptor": receptor, "receiver": receiver, "effect": effect, "source": source}
        for ligands, receptors, receivers, effect, source in RULES
        for ligand in ligands.split()
        for receptor in known.get(ligand, [])
        if any(fnmatchcase(part, one) for part in receptor.split("_") for one in receptors.split())
        or receptor in receptors.split()
        for receiver in receivers.split() or [""]
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    keys = ["ligand", "receptor", "receiver"]
    # Two rules on one row of one effect are two sources of it.
    joined = table.groupby([*keys, "effect"], as_index=False).agg({"source": "; ".join})
    if joined.duplicated(keys).any():
        raise SystemExit(f"rules contradict each other: {joined[joined.duplicated(keys)]}")
    idle = [rule[:2] for rule in RULES if not set(rule[0].split()) & set(joined["ligand"])]
    print("rules without a pair:", idle)
    return joined.sort_values(keys).reset_index(drop=True)


def pair_effect(ligand: str, receptor: str, rules: pd.DataFrame) -> tuple[str, str]:
    """What a pair does whoever receives it; 'by receiver' where that decides."""
    mine = rules[(rules["ligand"] == ligand) & (rules["receptor"] == receptor)]
    if mine.empty:
        return "unknown", ""
    anyone = mine[mine["receiver"] == ""]
    chosen = anyone if len(anyone) else mine
    told = [f"{row.receiver or 'any'}: {row.effect}, {row.source}" for row in chosen.itertuples()]
    return (str(anyone["effect"].iloc[0]) if len(anyone) else "by receiver"), " | ".join(told)


def main() -> None:
    signals = read_table("signals").drop(columns=["effect", "effect_source"], errors="ignore")
    signals = with_added(signals)
    rules = effects(signals)
    rules["checked"] = checked(rules)
    path = SHELF / "signal_effects.parquet"
    rules.to_parquet(path, index=False, compression="zstd")
    write_card(
        "signal_effects",
        path,
        description=(
            "What a signal does to the tumour when a receiver of this kind takes it: pro_tumour or "
            "anti_tumour. An empty receiver stands for any; what is not listed is unknown. checked: "
            "whether the ligand's SecAct signature has the same sign (weak support either "
            "way); 310 of 555 rows are not checked. The signs decide whom a signal is said to serve "
            "and which drugs are flagged, never whether an edge changes or is heard."
        ),
        **OWN,
    )
    told = [
        pair_effect(ligand.upper(), receptor.upper(), rules)
        for ligand, receptor in zip(signals["ligand"], signals["receptor"], strict=True)
    ]
    signals["effect"], signals["effect_source"] = zip(*told, strict=True)
    path = SHELF / "signals.parquet"
    signals.to_parquet(path, index=False, compression="zstd")
    write_card(
        "signals",
        path,
        description=(
            "A ligand and a receptor that bind; subunits of a complex joined by '_'. n_sources "
            "counts the collections that list the pair (0: only as a complex or by orthology). "
            "effect is pro_tumour, anti_tumour, by receiver (see signal_effects) or unknown."
        ),
        source=(
            "LIANA 1.10.0, omni_resource.csv, resources consensus and mouseconsensus; effect: own "
            "table signal_effects, the publication is named in each row; a few own pairs"
        ),
        version=f"liana 1.10.0, rules of {DATE}",
        licence=(
            "BSD-3-Clause (LIANA). The consensus unites CellPhoneDB, CellChatDB, ICELLNET, "
            "connectomeDB2020, CellTalkDB and others, which keep their own terms."
        ),
        date=DATE,
    )
    print(len(rules), "rows;", signals["effect"].value_counts().to_dict())


if __name__ == "__main__":
    main()
