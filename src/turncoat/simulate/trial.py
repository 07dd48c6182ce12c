"""Virtual trials: the same mice in every arm, a result that does not depend on the workers."""

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from turncoat.errors import ArgumentError, ModelError
from turncoat.simulate.assemble import Chunk, assemble
from turncoat.simulate.engine.lane_code import LANES
from turncoat.simulate.mouse import mouse, values
from turncoat.simulate.population import draw_mice
from turncoat.simulate.result import Trial
from turncoat.simulate.run_mice import Plan, run_arm
from turncoat.simulate.schedule import Arm
from turncoat.simulate.words import parse_arm

DEFAULT_DAYS = 42.0
DEFAULT_ENDPOINT = 1000.0
# Enough for populations: errors of 1e-4 are far below the differences between mice.
RTOL = 1e-4
# Candidates that one worker takes at once, and how many are tried for each mouse wanted.
CHUNK = 250
# With several workers: chunks per worker if the chunks then stay larger than the smallest.
CHUNKS_EACH, SMALLEST_CHUNK = 4, 32
SPARE_CANDIDATES = 1.03
MOST_CANDIDATES = 20
MOST_MICE = 10_000_000
# A control tumour smaller than this at the end has not taken: such mice are not enrolled.
SMALLEST_CONTROL = 50.0


def trial(
    context: str,
    arms: "str | Sequence[str | Arm] | Mapping[str, str]",
    n_mice: int = 500,
    seed: int = 0,
    *,
    days: float = DEFAULT_DAYS,
    changes: Mapping[str, float] | None = None,
    spread: float = 1.0,
    endpoint: float = DEFAULT_ENDPOINT,
    keep_curves: bool = True,
    threads: int | None = 1,
    client: Any = None,
    progress: Callable[[int], None] | None = None,
) -> Trial:
    """Run a virtual trial whose arms share their mice.

    Parameters
    ----------
    context
        Tumour model: ``"thacker"``, ``"kep"`` or ``"4t1"``.
    arms
        Arms in words, as :class:`~turncoat.simulate.schedule.Arm`, or as names with words.
        The first is the one that the others are compared with.
    n_mice
        Virtual mice, each in every arm.
    seed
        Seed; one seed gives one result, whatever the threads or workers.
    days
        Length of the study.
    changes
        Parameters to set otherwise, in their units.
    spread
        Factor on the spread of every prior; 0 makes all mice equal.
    endpoint
        Volume (mm³) at which a mouse reaches its end-point.
    keep_curves
        Keep daily curves of volume, cells and burdens (about 0.7 kB per mouse-arm-day).
    threads
        Threads; None for one per core.
    client
        A Dask client to spread chunks over; ``threads`` is then not used.
    progress
        Called with the number of mice enrolled so far, after each round.

    Returns
    -------
    Trial
        A table of mice and arms, the daily curves, and what was left out.

    Raises
    ------
    ArgumentError
        When the context, an arm or a number is not usable.
    ModelError
        When a parameter leaves its range, or hardly any candidate grows a tumour.

    Examples
    --------
    >>> import turncoat as tc
    >>> found = tc.sim.trial("thacker", ["control", "lgk974 5 mg/kg daily d14-42"], n_mice=4)
    >>> found.table["arm"].nunique()
    2
    """
    plan = _plan(context, arms, n_mice, seed, days, changes, spread, endpoint, keep_curves)
    workers = 1 if client is not None else threads or os.cpu_count() or 1
    chunks = _enrol(plan, n_mice, workers, _mapper(threads, client, progress))
    return assemble(plan, chunks, n_mice, context)


def parse_arms(
    arms: "str | Sequence[str | Arm] | Mapping[str, str]", *, end: float
) -> tuple[Arm, ...]:
    """Read arms given in any of the accepted ways.

    Raises
    ------
    ArgumentError
        When there are none, two share a name, or one cannot be read.
    """
    if isinstance(arms, str):
        arms = [words for words in arms.split(";") if words.strip()]
    if isinstance(arms, Mapping):
        read = tuple(parse_arm(words, end=end, name=name) for name, words in arms.items())
    else:
        read = tuple(arm if isinstance(arm, Arm) else parse_arm(arm, end=end) for arm in arms)
    names = [arm.name for arm in read]
    if not read:
        raise ArgumentError("A trial needs at least one arm (argument 'arms'), such as 'control'.")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ArgumentError(f"Two arms have the same name: {twice} (argument 'arms').")
    return read


def _plan(
    context: str, arms: Any, n_mice: int, seed: int, days: float,
    changes: Mapping[str, float] | None, spread: float, endpoint: float,
    keep_curves: bool,  # noqa: FBT001
) -> Plan:  # fmt: skip
    if not 1 <= n_mice <= MOST_MICE:
        raise ArgumentError(f"'n_mice' should be 1 to {MOST_MICE:,}; got {n_mice}.")
    if not 0 <= seed < 2**64:
        raise ArgumentError(f"'seed' should be a whole number from 0 to 2^64 - 1; got {seed}.")
    if not (np.isfinite(days) and days >= 1):
        raise ArgumentError(f"'days' should be 1 or more; got {days}.")
    if not 0 <= spread <= 5:
        raise ArgumentError(f"'spread' should lie between 0 and 5; got {spread}.")
    if not endpoint > 0:
        raise ArgumentError(f"'endpoint' should be a volume above 0 mm3; got {endpoint}.")
    centre = values(context, changes)
    times = np.append(np.arange(0.0, days), days)
    return Plan(
        parse_arms(arms, end=days), centre, times, seed, spread, endpoint, RTOL, keep_curves
    )


Mapper = Callable[[Callable[[int], Chunk], list[int]], list[Chunk]]


def _mapper(threads: int | None, client: Any, progress: Callable[[int], None] | None) -> Mapper:
    """Say how chunks are run: in turn, on threads, or by Dask; all give the same."""
    done = 0

    def counted(chunks: Iterable[Chunk]) -> list[Chunk]:
        nonlocal done
        kept = []
        for chunk in chunks:
            kept.append(chunk)
            done += chunk.enrolled.size
            if progress is not None:
                progress(done)
        return kept

    def run(function: Callable[[int], Chunk], firsts: list[int]) -> list[Chunk]:
        if client is not None:
            futures = client.map(function, firsts, pure=False)
            return counted(client.gather(futures))
        if threads == 1:
            return counted(function(first) for first in firsts)
        with ThreadPoolExecutor(threads) as pool:
            return counted(pool.map(function, firsts))

    return run


def _enrol(plan: Plan, n_mice: int, workers: int, mapper: Mapper) -> list[Chunk]:
    """Try candidates in order until enough are enrolled."""
    # Compile and cache before any worker starts.
    _ = mouse().functions, n_mice >= LANES and mouse().lane_functions
    chunks: list[Chunk] = []
    first, enrolled = 0, 0
    while enrolled < n_mice:
        if first >= max(MOST_CANDIDATES * n_mice, CHUNK):
            raise ModelError(
                f"Only {enrolled} of {first} candidate mice grew a tumour of "
                f"{SMALLEST_CONTROL:g} mm3 by the last day; check the parameters or the days."
            )
        # As many as are likely to be needed: a round ends with workers that wait for the last.
        share = max(enrolled / first, 1.0 / MOST_CANDIDATES) if first else 1.0
        wanted = math.ceil(SPARE_CANDIDATES * (n_mice - enrolled) / share)
        size = _chunk_size(wanted, workers)
        firsts = list(range(first, first + wanted, size))
        found = mapper(functools.partial(run_chunk, plan, size), firsts)
        chunks += found
        enrolled += sum(chunk.enrolled.size for chunk in found)
        first = firsts[-1] + size
    return chunks


def _chunk_size(wanted: int, workers: int) -> int:
    """Candidates per chunk: enough chunks for all workers to end at about the same time."""
    largest = min(CHUNK, wanted)
    if workers > 1:
        largest = min(largest, max(SMALLEST_CHUNK, math.ceil(wanted / (CHUNKS_EACH * workers))))
    return math.ceil(wanted / math.ceil(wanted / largest))


def run_chunk(plan: Plan, size: int, first: int) -> Chunk:
    """Draw some candidates, enrol those that grow a tumour, run them through every arm."""
    model = mouse()
    mice = draw_mice(model, plan.centre, np.arange(first, first + size), plan.seed, plan.spread)
    # Untreated mice are only asked whether their tumour took, unless they are an arm.
    untreated_arm = any(not arm.items for arm in plan.arms)
    control = run_arm(plan, Arm("control"), mice, organs_too=untreated_arm)
    grown = (control.volume[:, -1] >= SMALLEST_CONTROL) & (control.status == 0)
    kept = mice.possible & grown
    reasons = np.where(
        ~mice.possible, "a parameter out of its range", "no tumour in the control arm"
    )
    rejected = [(int(mice.ids[k]), str(reasons[k])) for k in np.flatnonzero(~kept)]
    chosen = dataclasses.replace(
        mice, ids=mice.ids[kept], constants=mice.constants[kept], starts=mice.starts[kept],
        possible=mice.possible[kept],
    )  # fmt: skip
    rows = [
        control.take(kept) if not arm.items else run_arm(plan, arm, chosen) for arm in plan.arms
    ]
    return Chunk(chosen.ids, rejected, [found.outcome(plan) for found in rows])
