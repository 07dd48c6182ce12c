"""Pairs taken out one by one, each by a rule with its reason: ligand and receptor patterns.

Every pair that a single collection lists was looked through, and so was every pair of a cytokine,
chemokine or growth factor whose receptor is of another family, whatever lists it. What has a
publication of its own stays, also where it surprises (CXCL10 and TLR4, IFNA2 and CR2).
"""

import re

#: Reason, ligands, receptors: names in full, `.*` for any ending.
RULES: list[tuple[str, str, str]] = [
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!CALR$).*",
        r"ADRA2A|GRM7|MTNR1A|GPR20|GPR84|ADRB[123]",
    ),
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!(PTH|PTHLH|PTH2)$).*",
        r"PTH1R",
    ),
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!(ADCYAP1|VIP)$).*",
        r"ADCYAP1R1",
    ),
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!(VIP|ADCYAP1|SCT|GHRH)$).*",
        r"VIPR1",
    ),
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!.*(TSHB|GPHA2|GPHB5)|(CGA|CALR|FN1)$).*",
        r"TSHR",
    ),
    ("members of one way of endocytosis listed with each other", r"AVP|WNT5A", r"LDLR|LRP2"),
    (
        "members of one G protein's pathway listed with each other, no binding",
        r"(?!(ADM|ADM2|CALCA|CALCB|IAPP)$).*",
        r"RAMP[23]",
    ),
    (
        "a cytokine listed with a receptor of another family",
        r"IL10",
        r"CD27|CD70|IFNLR1",
    ),
    ("a cytokine listed with a receptor of another family", r"IL12B", r"BOC"),
    (
        "a cytokine listed with a receptor of another family",
        r"IL23A",
        r"GP6|LILRA1|LILRB2|SIGLEC6",
    ),
    ("a cytokine listed with a receptor of another family", r"IL6", r"FCGR3B|MUSK|HRH1|F3"),
    ("a cytokine listed with a receptor of another family", r"IL12A", r"CD28"),
    ("a cytokine listed with a receptor of another family", r"IL1B", r"ADRB2"),
    ("a cytokine listed with a receptor of another family", r"IL2", r"NGFR|CD53"),
    ("a cytokine listed with a receptor of another family", r"IL2", r"IL20RA_IL20RB_IL2RG"),
    ("a cytokine listed with a receptor of another family", r"IL4", r"CD53|IL21R"),
    (
        "a cytokine listed with a receptor of another family",
        r"IL22",
        r"IL10RA|IL20RA|IL21R|IL20RB_IL22RA1",
    ),
    ("a cytokine listed with a receptor of another family", r"IL24", r"NOTCH2"),
    ("a cytokine listed with a receptor of another family", r"IL26", r"IL20RB"),
    ("a cytokine listed with a receptor of another family", r"IL36G", r"IFNAR[12]"),
    ("a cytokine listed with a receptor of another family", r"IL18", r"IL1RAPL1|IL1RL2"),
    ("a cytokine listed with a receptor of another family", r"IFNA8|IGF2|GAST", r"GPR152|KIR2DL3"),
    ("a cytokine listed with a receptor of another family", r"IFNE|XCL1|PDGFB|GPHA2", r"ADGRV1"),
    ("a cytokine listed with a receptor of another family", r"CSF1", r"CSF2RA|CSF3R|CELSR3"),
    ("a cytokine listed with a receptor of another family", r"CSF3", r"CSF2RA"),
    ("a cytokine listed with a receptor of another family", r"CNTF", r"EGFR"),
    ("a cytokine listed with a receptor of another family", r"KITLG", r"LRRN3"),
    ("a cytokine listed with a receptor of another family", r"LEP", r"ISLR2"),
    ("a cytokine listed with a receptor of another family", r"PRL", r"ERBB2"),
    ("its neuronal form is a scaffold inside the cell", r"IL16", r"GRIN.*|KCN.*"),
    (
        "a cytokine of the TNF family listed with a receptor of another family",
        r"TNF",
        r"SEMA4C|CELSR2|FFAR2|FLT4|ICOS|NOTCH1|PTPRS|VSIR|TRPM2",
    ),
    (
        "a cytokine of the TNF family listed with a receptor of another family",
        r"TNFSF10|TNFSF9|TNFSF13B",
        r"CCR6|FCRL1|ADGRG5|PVR|TFRC|HLA-.*",
    ),
    ("a cytokine of the TNF family listed with a receptor of another family", r"MIF", r"TNFRSF14"),
    (
        "a chemokine listed with a receptor of another family",
        r"CCL.*|CXCL.*",
        r"HRH4|CNR2|CD79A|OPRD1|AVPR1A|KIR2DL3|FCGR2A|FFAR2|GPR42|GPR101|GPR151|GPR152|GPRC5D|VSIR|KDR",
    ),
    ("a chemokine listed with a receptor of another family", r"CXCL11", r"CCR5"),
    (
        "a growth factor listed with a receptor of another family",
        r"BMP10|FAM3C|ADIPOQ|FAM3B",
        r"FFAR2|GPR42|GPR152|KIR.*|VSIR|PDCD1|CLEC2D|ADGRG5|PROKR2",
    ),
    ("a growth factor listed with a receptor of another family", r"BMP6", r"AMHR2"),
    ("a growth factor listed with a receptor of another family", r"BMP15", r"TGFBR1"),
    ("a growth factor listed with a receptor of another family", r"BMP2", r"SMO"),
    ("a growth factor listed with a receptor of another family", r"BMP8B", r"PLAUR"),
    ("a growth factor listed with a receptor of another family", r"AMH", r"EGFR"),
    ("a growth factor listed with a receptor of another family", r"GDF1", r"HTR4"),
    ("a growth factor listed with a receptor of another family", r"GDF9", r"FXYD6|ORAI2"),
    ("a growth factor listed with a receptor of another family", r"TGFB1", r"CXCR4|EGFR|CAV1"),
    ("a growth factor listed with a receptor of another family", r"EGF", r"ADRB2|CAV1|FSHR|LDLR"),
    ("a growth factor listed with a receptor of another family", r"NRG3", r"EGFR"),
    ("a growth factor listed with a receptor of another family", r"HBEGF", r"PRLR"),
    ("a growth factor listed with a receptor of another family", r"NRG1", r"MS4A4A|HLA-.*|NETO2"),
    (
        "a growth factor listed with a receptor of another family",
        r"VEGFA",
        r"GRIN2B|EPHB2|SIRPA|TYRO3|RET",
    ),
    ("a growth factor listed with a receptor of another family", r"VEGFB", r"ADRB2|RET"),
    ("a growth factor listed with a receptor of another family", r"VEGFC", r"VIPR2"),
    ("a growth factor listed with a receptor of another family", r"PDGFB", r"ART1|S1PR1"),
    ("a growth factor listed with a receptor of another family", r"BDNF", r"GPR152"),
    ("a growth factor listed with a receptor of another family", r"SPP1", r"CCR8"),
    ("a growth factor listed with a receptor of another family", r"FGF1", r"EGFR"),
    (
        "reported with a preparation that held TGF-beta; GFRAL is the receptor (Olsen 2017)",
        r"GDF15",
        r"TGFBR2",
    ),
    (
        "channels and their parts inside the cell, which the protein never reaches from outside",
        r"FGF13|S100A1|S100A10",
        r"EGFR|SCN\dA|RYR\d|TRP.*|CFTR|HTR1B",
    ),
    ("a peptide listed with the receptor of another", r"NPY", r"ADRB[12]"),
    ("a peptide listed with the receptor of another", r"INSL3", r"RXFP[34]"),
    ("a peptide listed with the receptor of another", r"INSL5", r"RXFP[12]"),
    ("a peptide listed with the receptor of another", r"RLN1", r"RXFP[34]"),
    ("a peptide listed with the receptor of another", r"PDYN|PENK|POMC", r"OPRL1"),
    ("a peptide listed with the receptor of another", r"GAL", r"HLA-.*"),
    (
        "class I molecules are read by the T-cell receptor; CD3 binds none",
        r"HLA-.*|H2-.*",
        r"CD3.|CD247",
    ),
    ("no receptor of class I molecules", r"HLA-A", r"APLP2|ERBB2"),
    (
        "loads peptides inside the cell and is no ligand at its surface",
        r"HLA-D[MO][AB]|H2-D[MO].*|H2-O[AB]",
        r".*",
    ),
    (
        "the gene is another: ADO is a dioxygenase, adenosine is meant",
        r"ADO",
        r"ADORA.*",
    ),
    (
        "the gene is another: LPA is apolipoprotein(a), lysophosphatidic acid is meant",
        r"LPA",
        r"LPAR\d",
    ),
    (
        "the gene is another: HRG is histidine-rich glycoprotein, heregulin (NRG1) is meant",
        r"HRG",
        r"ERBB[23]",
    ),
    ("an enzyme that stands for the small molecule it helps to make", r"ENTPD1", r"ADORA.*"),
    (
        "an enzyme that cuts the ligand, no receptor of it",
        r"GCG|GIP|GRP|NPPB|PAM|TAC1|GHRH|NPY|CCL\d+|CXCL\d+",
        r"FAP|DPP4",
    ),
    ("an enzyme that cuts the ligand, no receptor of it", r"EGF|TG", r"RHBDL2|PLD2|TPO"),
    (
        "a protease that cuts the receptor, no ligand of it",
        r"ADAM10|ADAM17",
        r"CADM1|CD44|GPNMB|IL6R|MET|NOTCH2|NRCAM|TREM2|TSPAN12|MUC1",
    ),
    (
        "a protease that cuts the receptor, no ligand of it",
        r"MMP2|MMP9",
        r"CCR2|FGFR1|PECAM1|IFNAR1|TLR9",
    ),
    ("a protease that frees BMPs, no ligand of their receptors", r"BMP1", r"BMPR.*"),
    ("two receptors of one cell", r"FGFR[34]", r"EPHA4|PTPRR|TNFRSF10A"),
    ("two receptors of one cell", r"CD14", r"TLR[19]"),
    ("two parts of one ligand", r"CNTF|CLCF1", r"CRLF1"),
    (
        "an intracellular protein without an established way out of a living cell",
        r"COPA|APOO",
        r".*",
    ),
    ("released by dying cells only, which its RNA does not show", r"CIRBP", r".*"),
]
CONTAINS_LIGAND = "the receptor's complex holds the ligand, which the receiver would have to make"
PSEUDOGENE = "a pseudogene in humans"
_COMPILED = [(reason, re.compile(a), re.compile(b)) for reason, a, b in RULES]


def reason_pair(ligand: str, receptor: str, species: str) -> str:
    """Say why a pair (in capital letters) is taken out; empty where it stays."""
    parts = receptor.split("_")
    if any(part in parts for part in ligand.split("_")) and len(parts) > 1:
        return CONTAINS_LIGAND
    if species == "human" and "NPY6R" in parts:
        return PSEUDOGENE
    if ligand == "IL4" and "IL13" in parts:
        return CONTAINS_LIGAND.replace("the ligand", "another ligand")
    for reason, of_ligand, of_receptor in _COMPILED:
        if of_ligand.fullmatch(ligand) and of_receptor.fullmatch(receptor):
            return reason
    return ""
