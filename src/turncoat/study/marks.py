"""Why a cell may be of doubtful quality: the words of ``[quality] remove``."""

from typing import Final

MARKS: Final = (
    "nearly empty",
    "few counts",
    "many counts",
    "few genes",
    "many genes",
    "high mito",
    "high ribo",
    "high haemoglobin",
    "two lineages",
    "simulated doublet",
)
