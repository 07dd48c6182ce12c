"""Rules that annotate and clean the ligand-receptor pairs, with the reason for each."""

import re

#: Ligands whose pairs are removed, by reason. RNA of these genes says nothing of a signal.
REMOVED_LIGANDS = {
    "an intracellular protein without an established way out of a living cell": (
        "ACTR2 ARF1 ARF6 ARPC5 AFDN CALM1 CALM3 CALML3 CGN DNAJB11 FADD FARP2 FRS3 GNAI2 GNAS GNB3 "
        "GSTM2 GSTO1 GSTP1 HRAS IRAK4 LCK LIN7C LMAN1 MFNG MYL9 P4HB PDAP1 PIGA PKM PSEN1 PTPN11 "
        "PTPN6 QDPR RIMS1 RIMS2 RPS19 SCEL SHANK1 SHANK2 SNX14 SOCS2 SORBS1 SPTAN1 SPTBN2 TCTN1 "
        "TLN1 VASP VCL SLC6A8 FABP5 TXLNA"
    ),
    "a nuclear protein": "ETV5 ITGB3BP KMT2E NR0B2 PCNA PDX1 SERTAD1 TGS1 YBX1",
    "released by dying cells only, which its RNA does not show": "HMGB1 HSPA1A HSPA4 HSPA8",
    "an enzyme that stands for the small molecule it helps to make": (
        "AANAT GAD1 HAS2 HDC PTDSS1 PTGS2 TPH1"
    ),
    "a subunit of all MHC class I molecules, no ligand by itself": "B2M",
    "an antibody of unknown specificity": "IGHG1_IGLC1",
    "two alternative ligands of one receptor written as a complex": "CSF1_IL34",
    "two subunits that are not established as one cytokine": "IL12A_IL27",
}

#: Receptors whose pairs are removed, by reason.
REMOVED_RECEPTORS = {
    "the receptor is an intracellular protein": (
        "ACTR2 AMFR AR ATP5F1B BEX3 CAP1 DCLK3 ERAP1 FLOT1 LPP MAGED1 MGRN1 MTTP PARD3 PDCD2 RACK1 "
        "RIPK1 STX1A TMED5 TRADD TRAF2 TRAF3"
    ),
    "a decoy or scavenger that carries no signal: see the table of antagonists": (
        "IL18BP IL22RA2 TNFRSF11B TNFRSF6B TNFRSF10C TNFRSF10D IL1R2 IL13RA2 HHIP GREM2 BAMBI APCDD1 "
        "ACKR1 ACKR2 ACKR4"
    ),
}

MATRIX = re.compile(
    r"^(COL\d|LAM[ABC]\d|FN1$|VTN$|TN[CRN]$|TNXB$|THBS\d|FBN\d|FBLN\d|HSPG2|AGRN|NID\d|POSTN|SPP1|VCAN|"
    r"DCN|BGN|LUM|MATN|COMP|EFEMP|IBSP|DMP1|MEPE|RELN|SPARC|FG[ABG]$|VWF|HAPLN|BCAN|NCAN|CHAD|NPNT|"
    r"FRAS1|FREM\d|EDIL3|MFAP|MXRA5|AMEL|ENAM|AMBN|OMG$|TGFBI)"
)
CONTACT = re.compile(
    r"^(CDH|NECTIN|PVR|CD(1D|2[0248]|200|274|34|38|47|48|5[258]|59|70|72|80|86|96|99)|PDCD1LG2|HLA-|H2-|"
    r"ICAM|VCAM1|NCAM|EFN[AB]|DLL|JAG|DLK|SEMA4|SEMA5|SEMA6|ICOSLG|SIGLEC|SIRP|CEACAM|ITG[AB]|JAM|F11R|"
    r"L1CAM|NRXN|NLGN|PECAM1|SEL[ELP]|CADM|ALCAM|MICA|MICB|ULBP|RAET|CLEC2|NCR3LG1|BTLA|HHLA2|TIGIT|"
    r"TIMD4|HAVCR1|BST2|MADCAM1|CRTAM|DSC|DSG|DSCAM|CNTN|LRRC4|SLITRK|IGSF11|PODXL|THY1|BTN1A1|MPZ|"
    r"NFASC|FAT4|LRIG|RGM[AB]|RTN4|TNFSF(4|8|9|18)$|CD40LG|FASLG|LILRB|MEGF10|PDPN|SDC2|GPC3|SPN$|MUC1|"
    r"ADAM(10|11|15|2|23|28|29|7|9|12)$|ADGR|CXADR|APP$|TDGF1|CFC1|NTNG|UNC5|IL15RA|NOTCH|FLRT|PTPR|EPH)"
)

#: Pathway of a pair: the first rule whose ligand or receptor pattern matches.
PATHWAYS: list[tuple[str, str, str]] = [
    ("WNT", r"^(WNT\d|RSPO|NDP$|R-SPONDIN)", r"^$"),
    ("WNT inhibition", r"^(DKK|SFRP|WIF1|SOST|NOTUM)", r"^$"),
    ("TGF-beta", r"^(TGFB\d|LTBP)", r"^TGFBR"),
    (
        "BMP and activin",
        r"^(BMP|GDF|INH[AB]|AMH|MSTN|NODAL|LEFTY|CER1|GREM|NOG|FST)",
        r"^(BMPR|ACVR)",
    ),
    ("Notch", r"^(DLL|JAG|DLK|DNER)", r"^NOTCH"),
    ("Hedgehog", r"^(SHH|IHH|DHH)", r"^(PTCH|SMO)"),
    ("interferon type I", r"^(IFN[ABEKW]|IFNL)", r"^(IFNAR|IFNLR)"),
    ("interferon gamma", r"^IFNG$", r"^IFNGR"),
    ("gamma-chain cytokines", r"^(IL2|IL4|IL7|IL9|IL13|IL15|IL21|TSLP)$", r"^IL2R"),
    ("IL-6 family", r"^(IL6|IL11|IL27|LIF|OSM|CNTF|CTF1|CLCF1|CRLF1)(_|$)", r"^IL6ST$"),
    ("IL-10 family", r"^(IL10|IL19|IL20|IL22|IL24|IL26)$", r"^IL10R"),
    ("IL-12 family", r"^(IL12[AB]|IL23A|EBI3)", r"^IL12RB"),
    ("IL-17", r"^(IL17|IL25)", r"^IL17R"),
    ("IL-1 family", r"^(IL1[AB]$|IL1RN|IL18$|IL33|IL36|IL37|IL1F10)", r"^IL1R"),
    ("TNF family", r"^(TNF|LTA|LTB|CD40LG|FASLG|CD70|EDA$)", r"^(TNFRSF|FAS$|LTBR)"),
    ("colony-stimulating factors", r"^(CSF\d|IL34|IL3|IL5|EPO|THPO|KITLG|FLT3LG)(_|$)", r"^$"),
    ("chemokines", r"^(CCL|CXCL|XCL|CX3CL|PF4|PPBP)", r"^(CCR|CXCR|XCR|CX3CR|ACKR)"),
    ("EGF", r"^(EGF|TGFA|AREG|EREG|EPGN|BTC|HBEGF|NRG\d)$", r"^(EGFR|ERBB)"),
    ("FGF", r"^FGF\d", r"^FGFR"),
    ("VEGF", r"^(VEGF|PGF$)", r"^(FLT1|KDR|FLT4)"),
    ("PDGF", r"^PDGF", r"^PDGFR"),
    ("insulin and IGF", r"^(IGF\d|INS$)", r"^(IGF1R|INSR)"),
    ("HGF", r"^(HGF|MST1)$", r"^(MET|MST1R)"),
    ("angiopoietin", r"^ANGPT", r"^(TEK|TIE1)"),
    ("semaphorin", r"^SEMA", r"^(PLXN|NRP)"),
    ("ephrin", r"^EFN", r"^EPH"),
    ("slit and netrin", r"^(SLIT|NTN|RGM|DRAXIN)", r"^(ROBO|UNC5|DCC)"),
    ("neurotrophin", r"^(NGF|BDNF|NTF|GDNF|NRTN|ARTN|PSPN)", r"^(NTRK|GFRA|RET)"),
    (
        "immune checkpoint",
        r"^(CD274|PDCD1LG2|CD80|CD86|NECTIN|PVR|LGALS9|HHLA2|ICOSLG|CD47|TNFSF)",
        r"^(PDCD1|CTLA4|TIGIT|LAG3|HAVCR2|CD96)",
    ),
    ("antigen presentation", r"^(HLA-|H2-|CD1D)", r"^(KIR|KLR|LILR|CD8|CD4$|TR[AB]C|CD3)"),
    ("NKG2D", r"^(MIC[AB]|ULBP|RAET)", r"^KLRK1"),
    ("complement", r"^C[1345](Q|A|B|$)", r"^(C3AR1|C5AR|CR[12]$)"),
    ("matrix and integrin", r"^(COL\d|LAM[ABC]|FN1|VTN|THBS|TNC|SPP1|POSTN|FB[NL])", r"^ITG"),
    ("adhesion", r"^(CDH|ICAM|VCAM|NCAM|JAM|F11R|L1CAM|SEL|ALCAM|CADM|CEACAM|DS[CG])", r"^$"),
]

#: Genes a sender needs besides the ligand: (ligand pattern, genes, essential, what they do).
MACHINERY: list[tuple[str, str, bool, str, str]] = [
    (r"^WNT\d", "PORCN", True, "acylates the ligand", "Kadowaki 1996; Takada 2006"),
    (r"^WNT\d", "WLS", True, "carries the acylated ligand to the surface", "Baenziger 2006"),
    (r"^(SHH|IHH|DHH)$", "HHAT", True, "acylates the ligand", "Chamoun 2001; Pepinsky 1998"),
    (r"^(SHH|IHH|DHH)$", "DISP1", True, "releases the ligand", "Burke 1999"),
    (r"^TGFB\d$", "FURIN", False, "cleaves the precursor", "Dubois 1995"),
    (r"^TGFB[13]$", "LRRC32", False, "holds latent ligand on Treg", "Tran 2009"),
    (
        r"^IL1B$",
        "CASP1",
        False,
        "converts the precursor; neutrophil proteases also do",
        "Thornberry 1992",
    ),
    (r"^IL18$", "CASP1", False, "converts the precursor", "Gu 1997"),
    (r"^(TNF|AREG|TGFA|EPGN)$", "ADAM17", False, "sheds the ligand", "Black 1997; Sahin 2004"),
    (r"^(HBEGF|EREG)$", "ADAM17", False, "sheds the ligand", "Sahin 2004"),
    (r"^(EGF|BTC)$", "ADAM10", False, "sheds the ligand", "Sahin 2004"),
    (
        r"^(FASLG|CX3CL1|CXCL16)$",
        "ADAM10",
        False,
        "sheds the ligand",
        "Hundhausen 2003; Schulte 2007",
    ),
    (
        r"^(PDGFA|PDGFB|VEGFC|VEGFD|IGF1|NGF|BMP4)$",
        "FURIN",
        False,
        "cleaves the precursor",
        "Siegfried 2003; Cui 1998",
    ),
]

#: Antagonists: (gene, ligands it counters, how, source).
ANTAGONISTS: list[tuple[str, str, str, str]] = [
    *[
        (
            g,
            r"^WNT(1|2|2B|3|3A|6|7A|7B|8A|8B|9A|9B|10A|10B)$",
            "blocks LRP5/6",
            "Glinka 1998; Mao 2001",
        )
        for g in ("DKK1", "DKK2", "DKK4")
    ],
    *[
        (g, r"^WNT\d", "binds the ligand", "Rattner 1997; Bafico 1999")
        for g in ("SFRP1", "SFRP2", "SFRP4", "SFRP5", "FRZB")
    ],
    ("WIF1", r"^WNT\d", "binds the ligand", "Hsieh 1999"),
    ("NOTUM", r"^WNT\d", "removes the ligand's lipid", "Kakugawa 2015"),
    ("TRABD2A", r"^WNT(3A|5A|1)$", "cleaves the ligand", "Zhang 2012"),
    ("SOST", r"^WNT(1|2|2B|3|3A|6|7A|7B|8A|9A|9B|10A|10B)$", "blocks LRP5/6", "Li 2005"),
    ("SOSTDC1", r"^WNT(1|3A|10B)$", "blocks LRP5/6", "Itasaki 2003"),
    ("APCDD1", r"^WNT(3A|1|10B)$", "binds ligand and LRP5", "Shimomura 2010"),
    ("DCN", r"^TGFB\d$", "binds the ligand", "Yamaguchi 1990"),
    ("BGN", r"^TGFB\d$", "binds the ligand", "Hildebrand 1994"),
    ("TGFBR3", r"^TGFB\d$", "soluble form binds the ligand", "Lopez-Casillas 1994"),
    ("BAMBI", r"^(TGFB|BMP|INHB)", "decoy receptor without kinase", "Onichtchouk 1999"),
    ("NOG", r"^(BMP[24567]|GDF[56])$", "binds the ligand", "Zimmerman 1996"),
    ("CHRD", r"^BMP[247]$", "binds the ligand", "Piccolo 1996"),
    ("GREM1", r"^BMP[247]$", "binds the ligand", "Hsu 1998"),
    ("GREM2", r"^BMP[247]$", "binds the ligand", "Hsu 1998"),
    ("BMPER", r"^BMP[2467]$", "binds the ligand", "Moser 2003"),
    ("FST", r"^(INHBA|INHBB|GDF11|MSTN|BMP7)$", "binds the ligand", "Nakamura 1990"),
    ("FSTL3", r"^(INHBA|INHBB|GDF11|MSTN)$", "binds the ligand", "Tsuchida 2000"),
    ("CER1", r"^(NODAL|BMP4)$", "binds the ligand", "Piccolo 1999"),
    ("LEFTY1", r"^NODAL$", "blocks the co-receptor", "Chen 2004"),
    ("LEFTY2", r"^NODAL$", "blocks the co-receptor", "Chen 2004"),
    ("IL1RN", r"^IL1[AB]$", "blocks IL1R1", "Hannum 1990"),
    ("IL1R2", r"^IL1[AB]$", "decoy receptor", "Colotta 1993"),
    ("IL18BP", r"^IL18$", "binds the ligand", "Novick 1999"),
    ("IL36RN", r"^IL36[ABG]$", "blocks IL1RL2", "Debets 2001"),
    ("IL22RA2", r"^IL22$", "soluble decoy receptor", "Dumoutier 2001"),
    ("IL13RA2", r"^IL13$", "decoy receptor", "Caput 1996"),
    ("TNFRSF11B", r"^(TNFSF11|TNFSF10)$", "soluble decoy receptor", "Simonet 1997"),
    ("TNFRSF6B", r"^(FASLG|TNFSF14|TNFSF15)$", "soluble decoy receptor", "Pitti 1998"),
    ("TNFRSF10C", r"^TNFSF10$", "decoy receptor", "Degli-Esposti 1997"),
    ("TNFRSF10D", r"^TNFSF10$", "decoy receptor", "Degli-Esposti 1997"),
    ("ACKR1", r"^(CCL[257]|CXCL[158]|CCL1[1347])$", "scavenges the ligand", "Nibbs 2013"),
    ("ACKR2", r"^(CCL[2345678]|CCL1[1347]|CCL22)$", "scavenges the ligand", "Nibbs 2013"),
    ("ACKR4", r"^(CCL19|CCL21|CCL25)$", "scavenges the ligand", "Nibbs 2013"),
    ("HHIP", r"^(SHH|IHH|DHH)$", "binds the ligand", "Chuang 1999"),
    ("SPINT1", r"^HGF$", "stops its activation", "Shimomura 1997"),
    ("SPINT2", r"^HGF$", "stops its activation", "Kawaguchi 1997"),
    ("IGFBP3", r"^IGF[12]$", "binds the ligand", "Baxter 1987"),
    ("LRIG1", r"^(EGF|TGFA|AREG|EREG|EPGN|BTC|HBEGF)$", "degrades the receptor", "Gur 2004"),
    ("DLK1", r"^(DLL|JAG)", "blocks Notch", "Baladron 2005"),
]

#: Ligands whose effect on a receiver is contested: never summed with their family.
CONTESTED = {
    "WNT5A": "induces or inhibits by receptor: paracrine WNT5A inhibits tumour-initiating cells (Borcherding 2015)",
    "WNT5B": "non-canonical, may inhibit canonical WNT (van Amerongen 2012)",
    "WNT11": "canonical or not by receptor (Rao and Kuhl 2010)",
    "WNT4": "canonical or not by receptor (Bernard and Harley 2007)",
    "TGFB1": "restrains early tumours, drives late ones (Massague 2008)",
    "TGFB2": "restrains early tumours, drives late ones (Massague 2008)",
    "TGFB3": "restrains early tumours, drives late ones (Massague 2008)",
    "IL10": "suppresses myeloid cells, may sustain CD8 T cells (Mumm 2011)",
    "IFNG": "anti-tumour, yet induces PD-L1 (Benci 2016)",
}
