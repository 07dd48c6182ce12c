"""Rows of a matrix that is not stored row by row: windows put in order by the threads that pack."""

import itertools

import numpy as np

from turncoat.study import Block
from turncoat.study.sources.gather import GatheredRows
from turncoat.study.sources.matrix import GatheredMatrix
from turncoat.tables import IntArray
from turncoat.tally.packed import Packer
from turncoat.tally.rows import VALUES_PER_BITE, RowsReader


class GatheredReader(RowsReader):
    """Blocks of rows of a matrix stored by gene, or in no order: each window is one thread's job.

    Putting the values in that order, which comes first, takes all threads as well.
    """

    def __init__(
        self,
        matrix: GatheredMatrix,
        packer: Packer,
        start: int,
        stop: int,
        *,
        values_per_block: int,
        n_threads: int,
    ) -> None:
        self._gathered: GatheredRows = matrix.rows(n_threads)
        super().__init__(
            self._gathered.indptr,
            packer,
            start,
            stop,
            values_per_block=values_per_block,
            n_threads=n_threads,
        )

    def shares(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut rows at the borders of windows."""
        starts = self._gathered.starts
        inner = starts[(starts > first) & (starts < last)].tolist()
        edges = [first, *inner, last]
        return list(itertools.pairwise(edges))

    def pack(
        self, first: int, last: int, genes: IntArray, counts: IntArray, place: int, ledger: IntArray
    ) -> int:
        """Put a window in order and pack rows of it; gives the end, or -1 without enough room."""
        starts, pointers = self._gathered.starts, self._gathered.indptr
        number = int(np.searchsorted(starts, first, side="right")) - 1
        data, indices = self._gathered.window(number)
        base = int(pointers[starts[number]])
        row = first
        while row < last:
            until = min(self._rows(row, VALUES_PER_BITE), last)
            begin, end = int(pointers[row]) - base, int(pointers[until]) - base
            block = Block(
                start=row,
                data=data[begin:end],
                indices=indices[begin:end],
                indptr=pointers[row : until + 1] - pointers[row],
            )
            place = self._packer.pack(
                block, genes, counts, place, ledger[row - first : until - first]
            )
            if place < 0:
                return place
            row = until
        return place
