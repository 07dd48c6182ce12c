"""How much memory a tally may use, and what it does with it."""

import os
from dataclasses import dataclass
from pathlib import Path

from turncoat.errors import ArgumentError
from turncoat.tally.sums import BYTES_PER_ENTRY

#: Share of the free memory that a tally takes unless told otherwise.
DEFAULT_SHARE = 0.25

#: Fewest bytes a tally can work with: blocks of rows and a few rows of sums.
LEAST_BYTES = 2**26

#: Stored values in a block of rows: so many that a row's sums, fetched once, serve many cells.
VALUES_PER_BLOCK = 18 * 2**20

#: Bytes of a packed value, in the blocks that are in memory at a time (one read, one counted).
BYTES_PER_VALUE = 2 * 3.5


def free_memory() -> int:
    """Bytes of memory that can be had without pushing anything out."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 2**32


@dataclass(frozen=True, slots=True)
class Budget:
    """What the memory limit allows.

    Parameters
    ----------
    max_slots
        Rows of sums in memory at a time.
    values_per_block
        Stored values read at a time.
    dense_bytes
        Size up to which the finished layers are dense.
    """

    max_slots: int
    values_per_block: int
    dense_bytes: int

    @classmethod
    def of(cls, memory_limit: int | None, *, n_genes: int) -> "Budget":
        """Divide a limit in bytes, or a quarter of what is free.

        Raises
        ------
        ArgumentError
            When the limit is too small to work with.
        """
        limit = int(free_memory() * DEFAULT_SHARE) if memory_limit is None else int(memory_limit)
        if limit < LEAST_BYTES:
            raise ArgumentError(
                f"'memory_limit' should be at least {LEAST_BYTES:,} bytes (64 MiB); got {limit:,}."
            )
        for_blocks = min(limit // 4, VALUES_PER_BLOCK * BYTES_PER_VALUE)
        per_row = (n_genes + 1) * BYTES_PER_ENTRY
        return cls(
            max_slots=max(8, int(limit - for_blocks) // per_row),
            values_per_block=int(for_blocks / BYTES_PER_VALUE),
            dense_bytes=limit,
        )
