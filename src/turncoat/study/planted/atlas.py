"""The populations of a planted study, their marker genes and their programmes.

Human symbols. Markers are the textbook ones (CellMarker-style, as in the lung atlas of Kim
et al. 2020); programmes follow the publications named beside them. They serve to plant
truth, not to call anything: no room reads its knowledge from here.
"""

from dataclasses import dataclass
from typing import Final, Literal

Side = Literal["anti", "pro"]


@dataclass(frozen=True, slots=True)
class Population:
    """One population: how common it is and which genes mark it.

    Parameters
    ----------
    name
        As it stands in ``obs["population"]``.
    share
        Share of cells in tumour tissue, before variation between samples.
    depth
        Counts per cell relative to the study's median cell.
    cycling
        Share of cells in cell cycle.
    markers
        Genes high in this population.
    """

    name: str
    share: float
    depth: float
    cycling: float
    markers: tuple[str, ...]


def _genes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NK = "NKG7 GNLY KLRD1 KLRF1 KLRC1 NCAM1 TYROBP FCER1G CTSW CD7 XCL2 KLRB1 EOMES CD247"
_T = "CD3D CD3E CD3G TRAC CD2 CD247"
_MYELOID = "LYZ CST3 AIF1 TYROBP FCER1G LST1"

#: Shares are rounded from tumour samples of lung and breast atlases; they only need to be
#: plausible. Immature NK cells stay within the 0.5-2 % in which such subsets are reported.
POPULATIONS: Final = (
    Population("B", 0.07, 0.8, 0.02, _genes("MS4A1 CD79A CD79B CD19 BANK1 VPREB3 CD37 CD22")),
    Population("CD4 T", 0.12, 0.8, 0.02, _genes(f"{_T} CD4 IL7R CD40LG LTB MAL TCF7")),
    Population("CD8 T", 0.11, 0.85, 0.05, _genes(f"{_T} CD8A CD8B CCL5 GZMK CRTAM NKG7 CST7")),
    Population("DC", 0.02, 1.1, 0.03, _genes("CD1C FCER1A CLEC10A HLA-DRA HLA-DPB1 CST3 FLT3")),
    Population("Endothelial", 0.05, 1.0, 0.01, _genes("PECAM1 VWF CLDN5 CDH5 RAMP2 ENG KDR EGFL7")),
    Population("Epithelial", 0.06, 1.2, 0.01, _genes("EPCAM KRT18 KRT19 KRT8 SLPI ELF3 CD24 MUC1")),
    Population(
        "Fibroblast", 0.09, 1.1, 0.01, _genes("COL1A1 COL1A2 COL3A1 DCN LUM PDGFRA THY1 FBLN1")
    ),
    Population(
        "Macrophage", 0.12, 1.2, 0.02, _genes(f"{_MYELOID} CD68 C1QA C1QB C1QC MSR1 CD14 CSF1R")
    ),
    Population("Mast", 0.012, 0.9, 0.01, _genes("TPSAB1 TPSB2 CPA3 KIT MS4A2 HDC HPGDS GATA2")),
    Population(
        "Monocyte", 0.05, 1.0, 0.01, _genes(f"{_MYELOID} FCN1 VCAN CD14 S100A8 S100A12 CD300E")
    ),
    Population("NK", 0.045, 0.8, 0.04, _genes(_NK)),
    Population("NK immature", 0.01, 0.75, 0.03, _genes(f"{_NK} SELL IL7R GZMK XCL1 SOCS3 CAPG")),
    Population(
        "Neutrophil", 0.015, 0.5, 0.0, _genes("CSF3R FCGR3B CXCR2 S100A8 S100A9 CMTM2 G0S2 MNDA")
    ),
    Population("Plasma", 0.025, 1.3, 0.01, _genes("MZB1 JCHAIN IGHG1 IGKC DERL3 XBP1 SDC1 CD79A")),
    Population("Treg", 0.035, 0.85, 0.05, _genes(f"{_T} CD4 FOXP3 IL2RA IKZF2 CTLA4 RTKN2 TIGIT")),
    Population(
        "Tumour", 0.168, 1.8, 0.2, _genes("EPCAM KRT18 KRT19 KRT7 CEACAM6 MDK CD24 CLDN4 TACSTD2")
    ),
)

NAMES: Final = tuple(population.name for population in POPULATIONS)

#: What a population's cells do against a tumour and for it. The first line of each comment
#: names the publication the genes come from; they are far from complete.
PROGRAMMES: Final[dict[tuple[str, Side], tuple[str, ...]]] = {
    # Crinier 2018, Xu 2024: cytotoxic CD56dim NK; Chan 2020, Xu 2024: reprogrammed NK.
    ("NK", "anti"): _genes("GZMB PRF1 GZMA GZMH FCGR3A FGFBP2 SPON2 CX3CR1 IFNG S1PR5 CCL4"),
    ("NK", "pro"): _genes("NR4A1 NR4A2 NR4A3 FOS JUN DUSP1 KLRG1 DNAJB1 SOCS3 LGALS1 VEGFA"),
    # Thacker 2023: SOCS3-high immature NK with fewer granzymes.
    ("NK immature", "anti"): _genes("GZMB PRF1 GZMA GZMH IFNG CCL4 FASLG TNFSF10"),
    ("NK immature", "pro"): _genes("SOCS3 LGALS1 VEGFA NR4A2 DUSP1 KLRC1 TGFB1 AREG"),
    # Zheng 2021, Oliveira 2021: effector and exhausted CD8.
    ("CD8 T", "anti"): _genes("GZMB PRF1 IFNG TNF GZMA GZMH CCL4 FASLG TBX21 KLRG1"),
    ("CD8 T", "pro"): _genes("PDCD1 HAVCR2 LAG3 TIGIT TOX ENTPD1 CXCL13 LAYN CTLA4 BATF"),
    # Plitas 2016, De Simone 2016: tumour Treg; resting Treg.
    ("Treg", "anti"): _genes("TCF7 LEF1 CCR7 SELL IL7R KLF2 S1PR1 BACH2"),
    ("Treg", "pro"): _genes(
        "CCR8 TNFRSF9 TNFRSF18 TNFRSF4 LAYN IL1R2 BATF MAGEH1 ENTPD1 IL10 EBI3"
    ),
    # Nalio Ramos 2022, Bill 2023 (CXCL9 against SPP1): macrophages.
    ("Macrophage", "anti"): _genes(
        "CXCL9 CXCL10 CXCL11 FOLR2 CD80 IRF1 GBP5 STAT1 TNF CCL5 SELENOP"
    ),
    ("Macrophage", "pro"): _genes("SPP1 TREM2 APOE GPNMB CADM1 CD163 MRC1 ARG1 VEGFA MMP9 FN1"),
    # Veglia 2021: neutrophils and their suppressive state.
    ("Neutrophil", "anti"): _genes("TNF ICAM1 ISG15 IFIT1 IFIT3 CXCL10 FAS RSAD2"),
    ("Neutrophil", "pro"): _genes("OLR1 CD84 ARG1 PTGS2 VEGFA MMP9 SLC27A2 TGM2"),
    # Maier 2020 (mregDC), Gerhard 2021: dendritic cells.
    ("DC", "anti"): _genes("CLEC9A XCR1 BATF3 CXCL9 CD80 CD86 IRF8 WDFY4"),
    ("DC", "pro"): _genes("LAMP3 CCR7 FSCN1 BIRC3 CCL22 IDO1 EBI3 CD274"),
    # Lavie 2022: normal-like and wound-like fibroblasts.
    ("Fibroblast", "anti"): _genes("PI16 DPT CFD C7 SCARA5 MFAP5 CLU ADH1B"),
    ("Fibroblast", "pro"): _genes("FAP POSTN LRRC15 COL11A1 ACTA2 TAGLN CTHRC1 INHBA"),
}

#: Levels that differ between populations which share a gene, counts per 10,000: immature NK
#: cells carry WNT ligands and little granzyme (Thacker 2023), mature ones the reverse.
LEVELS: Final[dict[tuple[str, str], float]] = {
    **{("NK", gene): 6.0 for gene in _genes("GZMB PRF1 GZMA GZMH FCGR3A")},
    **{("CD8 T", gene): 4.0 for gene in _genes("GZMB PRF1 GZMA GZMH")},
    **{("NK immature", gene): 0.6 for gene in _genes("GZMB PRF1 GZMA GZMH FCGR3A")},
    **{("NK immature", gene): 1.0 for gene in _genes("WNT10B WNT2B WNT5A")},
    ("NK immature", "SOCS3"): 6.0,
}

#: Cell cycle, from Tirosh 2016 as used throughout the field.
CYCLE: Final = _genes(
    "MKI67 TOP2A PCNA CCNB1 CCNB2 CDK1 UBE2C BIRC5 TYMS RRM2 MCM2 MCM5 CENPF TPX2 AURKB NUSAP1 "
    "HMGB2 STMN1 TUBA1B H2AZ1"
)

#: Genes that warm, enzymatic digestion raises in every cell (van den Brink 2017).
DISSOCIATION: Final = _genes("FOS FOSB JUN JUNB EGR1 IER2 HSPA1A HSPA1B DNAJB1 ATF3 ZFP36 BTG2")

MITOCHONDRIAL: Final = _genes(
    "MT-ND1 MT-ND2 MT-CO1 MT-CO2 MT-ATP8 MT-ATP6 MT-CO3 MT-ND3 MT-ND4L MT-ND4 MT-ND5 MT-ND6 MT-CYB"
)
RIBOSOMAL: Final = _genes(
    "RPL3 RPL4 RPL5 RPL7 RPL10 RPL11 RPL13 RPL13A RPL18 RPL19 RPL21 RPL32 RPL34 RPL41 RPLP0 RPLP1 "
    "RPS2 RPS3 RPS4X RPS6 RPS8 RPS12 RPS14 RPS18 RPS19 RPS23 RPS24 RPS27 RPS27A RPS29"
)
HOUSEKEEPING: Final = _genes("ACTB GAPDH B2M TMSB4X TMSB10 EEF1A1 FTL FTH1 MALAT1 PTMA TPT1 UBC")

#: Signed responses to a signal: genes that rise, then genes that fall.
RESPONSES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # Lustig 2002 and the WNT homepage's list of targets; Van der Flier 2007.
    "WNT": (
        _genes("AXIN2 LGR5 NKD1 RNF43 ZNRF3 SP5 LEF1 TCF7 ASCL2 APCDD1 NOTUM MYC CCND1 CD44 SOX4"),
        _genes("KRT20 FABP1 CDKN1A KLF4"),
    ),
    # Verrecchia 2001, Gao 2017 (ILC1-like NK).
    "TGFB": (
        _genes("SERPINE1 SMAD7 SKIL TGFBI ID1 PMEPA1 CCN2 LTBP2 ITGAE ITGA1 CDKN1A BHLHE40 SMURF2"),
        _genes("GZMB IFNG PRF1 TBX21 MYC"),
    ),
    # Schoggins 2011; hallmark interferon-gamma response.
    "IFNG": (
        _genes(
            "STAT1 IRF1 GBP1 GBP2 GBP4 GBP5 CXCL9 CXCL10 CXCL11 IDO1 PSMB9 TAP1 HLA-DRA CIITA SOCS1"
        ),
        (),
    ),
    # Hallmark TNF signalling through NF-kB.
    "NFKB": (
        _genes(
            "NFKBIA TNFAIP3 BIRC3 CXCL8 CXCL1 CXCL2 CCL20 ICAM1 RELB NFKB1 NFKB2 IER3 SOD2 BCL3 TRAF1"
        ),
        (),
    ),
    # Murray 2005: interleukin-10 and -6 through STAT3.
    "STAT3": (
        _genes("SOCS3 BCL3 PIM1 JUNB FOS CEBPB IL4R BATF ZFP36 MCL1 HIF1A STAT3 CISH"),
        _genes("TNF IL12B CXCL10 CD80"),
    ),
    # Cho 2009, hallmark mTORC1 and MAPK: epidermal growth factor.
    "EGF": (
        _genes("DUSP6 SPRY2 SPRY4 ETV4 ETV5 EGR1 FOSL1 PHLDA1 EREG AREG IER3 MYC CCND1 SPRED2"),
        (),
    ),
}

#: Secreted antagonists of a pathway, which rise with its ligand in one of the decoys.
ANTAGONISTS: Final[dict[str, tuple[str, ...]]] = {"WNT": _genes("DKK1 SFRP1 SFRP2")}

#: What WNT ligands need to leave the cell: acylation by PORCN, transport by WLS.
MACHINERY: Final = _genes("PORCN WLS")
