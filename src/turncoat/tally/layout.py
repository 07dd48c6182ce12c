"""Where things are in a tally: the one place that names its layers and columns.

A tally is an AnnData with one row per sample × population and one column per gene. It has no
``X``. ``obs`` carries :data:`OBS_COLUMNS`, then any further columns of the sample sheet.
"""

from typing import Final

#: Sum of raw counts over the cells of the row (float64, whole numbers, exact to 2**53).
COUNTS: Final = "counts"
#: Number of cells with at least one count (float64, whole numbers).
DETECTED: Final = "detected"
#: Sum over cells of log1p(counts per :data:`TARGET_SUM`) (float64).
LOGSUM: Final = "logsum"
#: Sum over cells of the square of that (float64).
LOGSUMSQ: Final = "logsumsq"
LAYERS: Final = (COUNTS, DETECTED, LOGSUM, LOGSUMSQ)

DONOR: Final = "donor"
SAMPLE: Final = "sample"
TISSUE: Final = "tissue"
CONDITION: Final = "condition"
POPULATION: Final = "population"
N_CELLS: Final = "n_cells"
OBS_COLUMNS: Final = (DONOR, SAMPLE, TISSUE, CONDITION, POPULATION, N_CELLS)

#: Counts per cell after normalisation; the convention of the field (scanpy, Seurat).
TARGET_SUM: Final = 10_000.0

#: Row names: sample and population, joined by this.
ROW_SEPARATOR: Final = "|"

#: ``uns["turncoat"]["tally"]``: a flat dictionary of texts and numbers with these keys.
META_KEY: Final = "tally"
META_FIELDS: Final = (
    "schema_version",  # whole
    "target_sum",
    "species",  # "human" or "mouse"
    "n_cells",  # cells counted, over all rows
    "study_kind",  # "unsorted", "sorted" or "subsampled": may composition be read from it?
    "gene_ids",  # "symbol"
    "knowledge",  # version of the bundled tables used to map gene names
    "synthetic",  # "" or how the data were made: shown wherever results are
)
