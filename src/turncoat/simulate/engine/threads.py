"""Chunks of mice on threads; the compiled loops release the interpreter lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def each(run: Callable[[int], None], firsts: range, threads: int | None) -> None:
    """Call a function for every start of a chunk, on some threads."""
    n_threads = min(threads or os.cpu_count() or 1, len(firsts))
    if n_threads <= 1:
        for first in firsts:
            run(first)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(run, firsts):
            pass
