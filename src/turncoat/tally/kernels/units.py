"""What the numbers in the kernels mean."""

from typing import Final

#: Grid steps to a log unit. A step of 2**-34 is a relative error below 1e-6 for a single count
#: in a cell of a million, and far below that in any sum.
GRID: Final = float(2**34)

#: Counts below this take their logarithm from a table made once per cell.
TABLE_SIZE: Final = 64

#: Largest count that a float64 holds exactly.
LARGEST_COUNT: Final = float(2**53)

#: What is known of a column of the file, as bits.
IN_LIBRARY: Final = 1
MITOCHONDRIAL: Final = 2
SHARED_GENE: Final = 4

#: The numbers per row and gene: sum of counts, cells with one, sum of logs, of their squares.
N_SUMS: Final = 4

#: What is measured of each cell: library size, genes detected, mitochondrial counts.
N_MEASURES: Final = 3

#: What may be wrong with a stored value.
SOUND: Final = 0
NOT_FINITE: Final = 1
NEGATIVE: Final = 2
FRACTIONAL: Final = 3
OUT_OF_RANGE: Final = 4
