"""One arm for some mice: the deterministic body first, then chance in the organs."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from turncoat.simulate.mouse import mouse, tolerances
from turncoat.simulate.population import LUNG, NODE, Mice
from turncoat.simulate.schedule import Arm, Surgery
from turncoat.simulate.stochastic.colonies import CELLS_PER_MILLION, colonise_batch
from turncoat.simulate.stochastic.streams import stream_of
from turncoat.tables import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Plan:
    """Everything a worker needs to run any chunk of a trial."""

    arms: tuple[Arm, ...]
    centre: dict[str, float]
    times: FloatArray
    seed: int
    spread: float
    endpoint: float
    rtol: float
    keep_curves: bool


@dataclass(frozen=True)
class Rows:
    """Mice of one arm: daily curves of what is reported, and counts in the organs."""

    status: IntArray
    volume: FloatArray
    stem: FloatArray
    bulk: FloatArray
    nk_immature: FloatArray
    nk_mature: FloatArray
    treg_node: FloatArray
    nk_node: FloatArray
    nk_lung: FloatArray
    cd8_primary: FloatArray
    wnt: FloatArray
    circulating: FloatArray
    node_burden: FloatArray
    lung_burden: FloatArray
    node_counts: FloatArray
    lung_counts: FloatArray

    QUANTITIES: ClassVar[tuple[str, ...]] = (
        "volume", "stem", "bulk", "nk_immature", "nk_mature", "treg_node", "nk_node", "nk_lung",
        "cd8_primary", "wnt", "circulating", "node_burden", "lung_burden",
    )  # fmt: skip

    def take(self, kept: "BoolArray | slice") -> "Rows":
        """Keep some of the mice."""
        return Rows(*(getattr(self, field.name)[kept] for field in fields(self)))

    @property
    def stem_share(self) -> FloatArray:
        """Stem-like share of living tumour cells at the end."""
        alive = self.stem[:, -1] + self.bulk[:, -1]
        with np.errstate(invalid="ignore"):
            return np.asarray(self.stem[:, -1] / alive)

    def endpoint(self, times: FloatArray, size: float) -> tuple[FloatArray, BoolArray]:
        """Give the first day at a size, between daily values, and whether it came."""
        above = np.nan_to_num(self.volume) >= size
        reached = above.any(axis=1)
        k = np.maximum(above.argmax(axis=1), 1)
        rows = np.arange(len(self.volume))
        before, after = self.volume[rows, k - 1], self.volume[rows, k]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip((size - before) / (after - before), 0.0, 1.0)
        day = times[k - 1] + share * (times[k] - times[k - 1])
        return np.where(reached, day, times[-1]), np.asarray(reached)

    def outcome(self, plan: Plan) -> "Outcome":
        """Keep what a trial reports; done by the worker, so that joining chunks is little work."""
        day, reached = self.endpoint(plan.times, plan.endpoint)
        table: dict[str, Any] = {
            "status": self.status,
            "volume": self.volume[:, -1].copy(),
            "stem_share": self.stem_share,
            "endpoint_day": day,
            "endpoint_reached": reached,
        }
        for organ in ("node", "lung"):
            counts, burden = getattr(self, f"{organ}_counts"), getattr(self, f"{organ}_burden")
            table[f"{organ}_lodged"] = counts[:, 0]
            table[f"{organ}_colonies"] = counts[:, 1]
            table[f"{organ}_small"] = counts[:, 2]
            table[f"{organ}_burden"] = burden[:, -1].copy()
        empty = np.zeros((self.status.size, 0, plan.times.size), np.float32)
        return Outcome(table, self.curves() if plan.keep_curves else empty)

    def curves(self) -> FloatArray:
        """Give the daily curves, ``(mice, quantities, times)``, in single precision."""
        stacked = np.stack([getattr(self, name) for name in self.QUANTITIES], axis=1)
        return np.asarray(stacked, dtype=np.float32)


@dataclass(frozen=True)
class Outcome:
    """What a trial reports of some mice in one arm: a value each, and the curves if kept."""

    table: dict[str, Any]
    curves: FloatArray

    @staticmethod
    def join(parts: "list[Outcome]", n_mice: int) -> "Outcome":
        """Put the first mice of several chunks together, in order."""
        table = {
            name: np.concatenate([part.table[name] for part in parts])[:n_mice]
            for name in parts[0].table
        }
        return Outcome(table, np.concatenate([part.curves for part in parts])[:n_mice])


def run_arm(plan: Plan, arm: Arm, mice: Mice, *, organs_too: bool = True) -> Rows:
    """Run some mice through one arm, their organs too or the body alone."""
    model = mouse()
    solution = model.integrate(
        plan.times,
        constants=mice.constants,
        starts=mice.starts,
        actions=arm.actions(model),
        rtol=plan.rtol,
        atol=tolerances(plan.rtol),
    )
    assigned = model.assigned(solution, mice.constants)
    jumps = {item.day for item in arm.items if isinstance(item, Surgery)}
    organs = {
        organ: _organ(plan, mice, assigned, solution.states, organ, jumps)
        if organs_too
        else (np.zeros((mice.ids.size, 3)), np.zeros((mice.ids.size, plan.times.size)))
        for organ in ("node", "lung")
    }
    taken = {name: solution.states[:, :, model.state(name)] for name in Rows.QUANTITIES[1:11]}
    return Rows(
        status=solution.status,
        volume=assigned["volume_primary"],
        node_burden=organs["node"][1],
        lung_burden=organs["lung"][1],
        node_counts=organs["node"][0],
        lung_counts=organs["lung"][0],
        **taken,
    )


def _organ(
    plan: Plan, mice: Mice, assigned: dict[str, FloatArray], states: FloatArray, organ: str,
    jumps: set[float],
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Seed and follow the colonies of one organ; counts, and burden over time."""
    model, n_mice = mouse(), mice.ids.size
    lodging = assigned[f"seeding_{organ}"] * assigned[f"lodging_{organ}"] * CELLS_PER_MILLION
    arrivals = _between(lodging, plan.times, jumps)
    death = _between(assigned[f"death_{organ}"], plan.times, jumps)
    per_cell = mice.constants[:, model.constant(f"k_nk_met_{organ}")]
    kill = _between(per_cell[:, None] * states[:, :, model.state(f"nk_{organ}")], plan.times, jumps)
    limits = mice.constants[:, [model.constant("capacity_met"), model.constant("h_met")]]
    counts, burden = np.zeros((n_mice, 3)), np.zeros((n_mice, plan.times.size))
    purpose = NODE if organ == "node" else LUNG
    colonise_batch(
        arrivals, death, kill, mice.constants[:, model.constant("b_met")],
        np.ascontiguousarray(limits), plan.times, mice.ids, stream_of(plan.seed, 0, purpose),
        counts, burden,
    )  # fmt: skip
    failed = ~np.isfinite(assigned["volume_primary"][:, -1])
    counts[failed], burden[failed] = np.nan, np.nan
    return counts, burden


def _between(values: FloatArray, times: FloatArray, jumps: set[float]) -> FloatArray:
    """Rates within each interval: the mean of its ends, or the left one before a jump."""
    following = np.append(values[:, 1:], values[:, -1:], axis=1)
    jumped = np.append(np.isin(times[1:], sorted(jumps)), [False])
    mean = np.where(jumped, values, 0.5 * (values + following))
    return np.ascontiguousarray(np.nan_to_num(mean))
