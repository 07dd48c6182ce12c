"""Make the table of response programmes: what a cell does when a pathway is switched on in it.

Usage: python scripts/knowledge/response_programmes.py
Own lists, gene by gene from the publications named; '-' before a gene means that it falls.
"""

import pandas as pd
from signals import DATE, SHELF, write_card

#: (programme, group, pathways of the table of signals that it answers to, source, genes)
PROGRAMMES = [
    (
        "WNT/beta-catenin",
        "pathway",
        "WNT",
        "Lustig 2002; Van der Flier 2007; Boonekamp 2021",
        "AXIN2 LGR5 NKD1 RNF43 ZNRF3 SP5 LEF1 TCF7 ASCL2 APCDD1 NOTUM TNFRSF19 CCND1 MYC CD44 EPHB2 SOX4 DKK1 PROX1",
    ),
    (
        "TGF-beta",
        "pathway",
        "TGF-beta",
        "Verrecchia 2001; Kang 2003; Levy 2005",
        "SERPINE1 SMAD7 SKIL SKI TGFBI PMEPA1 CCN2 LTBP2 SMURF2 TGIF1 LDLRAD4 BHLHE40 ITGAE ITGA1 -ID2 -ID3 -MYC",
    ),
    (
        "BMP",
        "pathway",
        "BMP and activin",
        "Hollnagel 1999; Korchynskyi 2002",
        "ID1 ID2 ID3 ID4 SMAD6 SMAD7 SMAD9 BAMBI HEY1 ATOH8 UNC5B",
    ),
    (
        "interferon gamma",
        "pathway",
        "interferon gamma",
        "Schroder 2004; Rusinova 2013",
        "STAT1 IRF1 GBP1 GBP2 GBP4 GBP5 CXCL9 CXCL10 CXCL11 IDO1 CIITA HLA-DRA HLA-DMA CD274 SOCS1 WARS1 ICAM1",
    ),
    (
        "interferon type I",
        "pathway",
        "interferon type I",
        "Schoggins 2011; Rusinova 2013",
        "ISG15 IFI6 IFI27 IFI44 IFI44L IFIT1 IFIT2 IFIT3 MX1 MX2 OAS1 OAS2 OAS3 RSAD2 USP18 CMPK2 HERC5",
    ),
    (
        "NF-kappaB",
        "pathway",
        "TNF family;IL-1 family;IL-17",
        "Pahl 1999; Tian 2005",
        "NFKBIA TNFAIP3 NFKB1 NFKB2 RELB BIRC3 TNFAIP2 TRAF1 CXCL8 CXCL1 CXCL2 CXCL3 CCL20 CCL2 ICAM1 SOD2 IER3 IL6 ZC3H12A",
    ),
    (
        "JAK-STAT3",
        "pathway",
        "IL-6 family;IL-10 family",
        "Dauer 2005; Alvarez 2005; Murray 2005",
        "SOCS3 BCL3 PIM1 JUNB CEBPB CEBPD IL4R BATF STAT3 MCL1 FOS IL1RN TNFRSF1A SBNO2 -TNF -IL12B",
    ),
    (
        "JAK-STAT5",
        "pathway",
        "gamma-chain cytokines",
        "Lin 2012; Liao 2013",
        "CISH SOCS1 SOCS2 SOCS3 PIM1 PIM2 BCL2 IL2RA IL2RB LTA OSM TNFRSF4 TNFRSF9 GZMB PRF1 CCND2",
    ),
    (
        "MAPK",
        "pathway",
        "EGF;FGF;HGF;PDGF;insulin and IGF;VEGF",
        "Wagle 2018; Amit 2007",
        "DUSP4 DUSP5 DUSP6 SPRY2 SPRY4 SPRED1 SPRED2 ETV4 ETV5 EGR1 EGR3 FOSL1 PHLDA1 EPHA2 EPHA4 CCND1 IER3 EMP1",
    ),
    (
        "Notch",
        "pathway",
        "Notch",
        "Borggrefe 2009; Castel 2013",
        "HES1 HES4 HES5 HEY1 HEY2 HEYL NRARP NOTCH3 DTX1 MYC CCND1 NOTCH1",
    ),
    (
        "Hedgehog",
        "pathway",
        "Hedgehog",
        "Scales 2009",
        "GLI1 PTCH1 PTCH2 HHIP FOXF1 FOXF2 SFRP1 BCL2 NKX2-2",
    ),
    (
        "hypoxia",
        "state",
        "",
        "Buffa 2010; Winter 2007",
        "VEGFA CA9 ADM NDRG1 SLC2A1 LDHA PGK1 ENO1 ALDOA P4HA1 BNIP3 ANGPTL4 EGLN3 PFKFB4 MXI1 TPI1",
    ),
    (
        "stemness",
        "tumour",
        "",
        "Ben-Porath 2008; Lim 2009; Munoz 2012",
        "ALDH1A1 ALDH1A3 CD44 PROM1 SOX2 SOX9 KLF4 MYC LGR5 BMI1 NANOG POU5F1 ITGA6 EPCAM CD24 ASCL2 OLFM4 SMOC2",
    ),
    (
        "epithelial-mesenchymal transition",
        "tumour",
        "",
        "Tan 2014; Puram 2017",
        "VIM ZEB1 ZEB2 SNAI1 SNAI2 TWIST1 FN1 CDH2 ITGA5 TGFBI LAMC2 MMP2 SPARC PDPN SERPINE1 -CDH1 -EPCAM -ESRP1 -CLDN4",
    ),
    (
        "proliferation",
        "cycle",
        "",
        "Tirosh 2016; Whitfield 2002",
        "MKI67 TOP2A PCNA CCNB1 CCNB2 CDK1 UBE2C BIRC5 TYMS RRM2 MCM2 MCM5 CENPF TPX2 AURKB NUSAP1",
    ),
    (
        "cytotoxicity",
        "lymphocyte",
        "",
        "Rooney 2015; Crinier 2018",
        "GZMA GZMB GZMH PRF1 GNLY NKG7 FASLG TNFSF10 CTSW CST7 KLRD1 FGFBP2 SPON2",
    ),
    (
        "activation",
        "lymphocyte",
        "",
        "Fehniger 2007; Szabo 2019",
        "IFNG TNF CD69 IL2RA TNFRSF9 CCL3 CCL4 XCL1 XCL2 TBX21 CSF2 EGR2 NR4A3",
    ),
    (
        "exhaustion",
        "lymphocyte",
        "",
        "Zheng 2021",
        "PDCD1 HAVCR2 LAG3 TIGIT TOX CTLA4 ENTPD1 CXCL13 LAYN TNFRSF18 -TCF7 -IL7R",
    ),
    (
        "dissociation stress",
        "technical",
        "",
        "van den Brink 2017; O'Flanagan 2019",
        "FOS FOSB JUN JUNB EGR1 IER2 HSPA1A HSPA1B DNAJB1 ATF3 ZFP36 BTG2 HSPB1 HSP90AA1",
    ),
]


def main() -> None:
    rows = [
        {
            "programme": name,
            "group": group,
            "gene": gene.lstrip("-"),
            "sign": -1 if gene.startswith("-") else 1,
            "pathways": pathways,
            "source": source,
        }
        for name, group, pathways, source, genes in PROGRAMMES
        for gene in genes.split()
    ]
    table = pd.DataFrame(rows)
    assert not table.duplicated(["programme", "gene"]).any()
    path = SHELF / "response_programmes.csv"
    table.to_csv(path, index=False)
    write_card(
        "response_programmes",
        path,
        description="A gene that rises (+1) or falls (-1) when a programme is active (human).",
        source="Own lists; the publications are named in each row",
        version=DATE,
        licence="BSD-3-Clause",
        date=DATE,
    )
    print(len(table))


if __name__ == "__main__":
    main()
