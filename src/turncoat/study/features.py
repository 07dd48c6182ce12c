"""What a file calls its columns, as plain arrays."""

from dataclasses import dataclass

from turncoat.tables import TextArray


@dataclass(frozen=True, slots=True)
class Features:
    """The columns of a file, a text each; empty where the file is silent.

    Parameters
    ----------
    names
        As the file has them.
    ensembl
        Ensembl ids.
    kinds
        What kind of feature: see :class:`turncoat.study.CellSource`.
    """

    names: TextArray
    ensembl: TextArray
    kinds: TextArray
