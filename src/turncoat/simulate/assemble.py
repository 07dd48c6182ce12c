"""From what the workers gave to the result of a trial."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from turncoat.errors import DroppedDataWarning, warn
from turncoat.simulate.engine.simulator import STATUSES
from turncoat.simulate.mouse import mouse
from turncoat.simulate.result import Trial
from turncoat.simulate.run_mice import Outcome, Plan, Rows
from turncoat.simulate.schedule import Arm
from turncoat.tables import IntArray


@dataclass(frozen=True)
class Chunk:
    """What one chunk of candidates gave: the outcome in each arm for those enrolled."""

    enrolled: IntArray
    rejected: list[tuple[int, str]]
    outcomes: list[Outcome]


def assemble(plan: Plan, chunks: list[Chunk], n_mice: int, context: str) -> Trial:
    """Put the chunks of a trial together, in the order of their mice."""
    ids = np.concatenate([chunk.enrolled for chunk in chunks])[:n_mice]
    last = int(ids.max())
    rejected = [pair for chunk in chunks for pair in chunk.rejected if pair[0] < last]
    joined = [
        Outcome.join([chunk.outcomes[k] for chunk in chunks], n_mice) for k in range(len(plan.arms))
    ]
    tables = [
        _arm_table(arm, ids, outcome, joined[0])
        for arm, outcome in zip(plan.arms, joined, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    failed = table["status"] != "done"
    if failed.any():
        warn(f"{int(failed.sum())} of {len(table)} runs failed; see 'status'.", DroppedDataWarning)
    ledgers = [arm.ledger().assign(arm=arm.name) for arm in plan.arms]
    doses = Trial.arms_schema.build(_columns(pd.concat(ledgers)))
    return Trial(
        table=Trial.schema.build(_columns(table)),
        arms=doses,
        dropped=Trial.dropped_schema.build([{"mouse": m, "reason": r} for m, r in rejected]),
        times=plan.times,
        quantities=Rows.QUANTITIES if plan.keep_curves else (),
        curves=np.concatenate([outcome.curves for outcome in joined]),
        params=_params(plan, n_mice, context, len(rejected)),
    )


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): list(table[name]) for name in table.columns}


def _params(plan: Plan, n_mice: int, context: str, n_rejected: int) -> dict[str, Any]:
    return {
        "context": context,
        "arms": [arm.name for arm in plan.arms],
        "n_mice": n_mice,
        "seed": plan.seed,
        "days": float(plan.times[-1]),
        "spread": plan.spread,
        "endpoint": plan.endpoint,
        "rtol": plan.rtol,
        "rejected": n_rejected,
        "model": mouse().form.digest,
    }


def _arm_table(arm: Arm, ids: IntArray, outcome: Outcome, reference: Outcome) -> pd.DataFrame:
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log2(outcome.table["volume"] / reference.table["volume"])
    status = np.array(STATUSES, dtype=object)[outcome.table["status"]]
    columns = {"mouse": ids, "arm": [arm.name] * ids.size} | outcome.table
    return pd.DataFrame(columns | {"status": status, "change": change})
