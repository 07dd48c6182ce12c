"""What the numbers in the kernels mean."""

from typing import Final

#: Grid steps to a log unit. A step of 2**-34 is a relative error below 1e-6 for a single count
#: in a cell of a million, and far below that in any sum.
GRID: Final = float(2**34)

#: Largest count of a gene in a cell: four bytes hold it, no sequencer gives it.
LARGEST_COUNT: Final = 2**31 - 1

#: A packed count of this or more is written here and its value after the end of the cell.
ESCAPE: Final = 255

#: Counts below this take their logarithm from a table made once per cell.
TABLE_SIZE: Final = 63

#: What is known of a column of the file: its gene in the lower bits, and these.
GENE_BITS: Final = 24
GENE_MASK: Final = 2**GENE_BITS - 1
IN_LIBRARY: Final = 1 << 24
MITO_BIT: Final = 25
MITOCHONDRIAL: Final = 1 << MITO_BIT
SHARED_GENE: Final = 1 << 26

#: The whole numbers per row and gene: cells with a count and sum of counts, packed into one;
#: sum of logs; sum of their squares.
N_SUMS: Final = 3
ONE_DETECTED: Final = 1 << 40
COUNT_MASK: Final = ONE_DETECTED - 1

#: What the ledger of packed cells says of each: where it begins, how many values it has, which
#: counts occur (bit min(count, 63)), library size, genes detected, mitochondrial counts, where it
#: ends.
BEGIN: Final = 0
LENGTH: Final = 1
SEEN: Final = 2
LIBRARY: Final = 3
DETECTED: Final = 4
MITO: Final = 5
END: Final = 6
N_LEDGER: Final = 7

#: What may be wrong with a stored value.
SOUND: Final = 0
NOT_FINITE: Final = 1
NEGATIVE: Final = 2
FRACTIONAL: Final = 3
OUT_OF_RANGE: Final = 4
NO_ROOM: Final = 5
