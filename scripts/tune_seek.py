"""Try, on the tuning half of GSE131907, how Treg could be found where few are sure.

    python scripts/tune_seek.py

As in ``tune_annotation.py``, one quarter of the donors teaches the T-cell reference, the other is
annotated, and the reverse. Treg are a sixth of the T cells there; they are also thinned out, or the
other T cells are, to none, 2, 10, 20 and 35 %. Printed is the F1 of

- the calls as they are (least confidence 0.7),
- the line of the best expected F1 (``cells/seek.py``), and fixed lines,
- calls at 0.7 after the shares of CD4, CD8 and Treg were learnt anew from the cells (expectation
  maximisation; Saerens, Latinne and Decaestecker 2002), with the log-loss of the true population,

and how far two random halves of the Treg genes agree among T cells: whether Treg are there at all.

Takes about two minutes.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "scripts")]

from tune_annotation import POPULATION, fitted, quarters, thinned  # noqa: E402

from turncoat.cells.seek import best_line  # noqa: E402

NAMES = ("CD4 T", "CD8 T", "Treg")
SHARES = (None, 0.0, 0.02, 0.1, 0.2, 0.35)
DEPTHS = {None: (1.0, 0.5, 0.25, 0.12)}
LINES = (0.25, 0.3, 0.35, 0.4, 0.5)
#: Shares of the populations among T cells where the model learnt: the tuning half's own.
NATURAL = np.array([0.5, 0.34, 0.16])
SEED = 11


def kept(population: Any, share: float | None) -> Any:
    """Which cells stay, so that Treg are this share of T cells."""
    treg = population == "Treg"
    other = np.isin(population, NAMES) & ~treg
    stay = np.ones(population.size, dtype=bool)
    if share is None:
        return stay
    rng = np.random.default_rng(SEED)
    if share < treg.sum() / (treg.sum() + other.sum()):
        n_kept = round(share * other.sum() / (1 - share))
        stay[rng.permutation(np.flatnonzero(treg))[n_kept:]] = False
    else:
        n_kept = round(treg.sum() * (1 - share) / share)
        stay[rng.permutation(np.flatnonzero(other))[n_kept:]] = False
    return stay


def summed(model: Any, cells: Any) -> tuple[Any, Any, Any]:
    """Probability of every population, and which call is sure."""
    names = list(dict.fromkeys(model.populations))
    member = np.array([[who == name for name in names] for who in model.populations], dtype=float)
    counts = cells.X.tocsr().astype(float)
    reader = model.prepare(cells.var_names)
    probable, _ = reader.probabilities(counts.data, counts.indices, counts.indptr)
    table = probable @ member
    sure = model.calibration.of_population(table.max(axis=1)) >= model.confidence
    return names, table, sure


def shares_learnt_anew(table: Any) -> Any:
    """Probabilities of the three populations with shares that these cells suggest."""
    total = table.sum(axis=1, keepdims=True)
    within = table[(total > 0.5).ravel()] / total[total > 0.5][:, np.newaxis]
    share = NATURAL.copy()
    for _ in range(100):
        weighed = within * (share / NATURAL)
        share = (weighed / weighed.sum(axis=1, keepdims=True)).mean(axis=0)
    weighed = table * (share / NATURAL)
    return weighed / np.maximum(weighed.sum(axis=1, keepdims=True), 1e-12) * total


def halves_agree(model: Any, cells: Any, of_three: Any) -> tuple[float, float]:
    """Correlation of two halves of the Treg score over T cells; excess of one in the other's top.

    Means of twenty random halves, depth taken off.
    """
    import scipy.sparse as sp

    reader, counts = model.prepare(cells.var_names), cells.X.tocsr().astype(float)
    depth = np.asarray(counts.sum(axis=1)).ravel()
    scaled = (sp.diags(1e4 / np.maximum(depth, 1)) @ counts).log1p()
    treg = np.array(model.populations) == "Treg"
    other = (np.array(model.lineages) == "T") & ~treg
    weight = reader.weights[:, treg].mean(axis=1) - reader.weights[:, other].mean(axis=1)
    columns = np.flatnonzero(reader.slots >= 0)
    rows = np.flatnonzero(of_three.sum(axis=1) > 0.6)
    parts = scaled[rows][:, columns].toarray() * weight[reader.slots[columns]]
    log_depth, rng, found = np.log(depth[rows]), np.random.default_rng(SEED), []
    for _ in range(20):
        half = rng.random(columns.size) < 0.5
        one, two = (
            own - np.polyval(np.polyfit(log_depth, own, 1), log_depth)
            for own in (parts[:, half].sum(axis=1), parts[:, ~half].sum(axis=1))
        )
        top = one >= np.quantile(one, 0.9)
        excess = (two[top].mean() - two[~top].mean()) / two[~top].std()
        found.append((np.corrcoef(one, two)[0, 1], excess))
    together, excess = np.mean(found, axis=0)
    return float(together), float(excess)


def f1(truth: Any, called: Any) -> float:
    return float(2 * (truth & called).sum() / max(truth.sum() + called.sum(), 1))


def row(quarter: int, share: float | None, depth: float, cells: Any, donors: set[str]) -> None:
    state = cells.obs["cell_state"].astype(str).map(POPULATION).to_numpy(dtype=object)
    stay = kept(state, share)
    some = cells[stay].copy()
    some.X = thinned(some.X, depth, seed=7)
    state = state[stay]
    model = fitted(some, donors)
    names, table, sure = summed(model, some)
    truth, likely = state == "Treg", table[:, names.index("Treg")]
    first = np.array(names)[table.argmax(axis=1)] == "Treg"
    other = sure & ~first
    line, precision, recall = best_line(likely)
    of_three = table[:, [names.index(name) for name in NAMES]]
    anew = shares_learnt_anew(of_three)
    true_t = np.isin(state, NAMES)
    which = [NAMES.index(name) for name in state[true_t]]
    losses = [
        -np.log(np.maximum(values[true_t][np.arange(len(which)), which], 1e-4)).mean()
        for values in (of_three, anew)
    ]
    together, excess = halves_agree(model, some, of_three)
    called = (likely >= line) & ~other
    stated = {"as called": f1(truth, sure & first), "best line": f1(truth, called)}
    stated |= {f"line {at}": f1(truth, (likely >= at) & ~other) for at in LINES}
    stated |= {"shares anew": f1(truth, anew[:, 2] >= 0.7)}
    told = " ".join(f"{name} {value:.2f}" for name, value in stated.items())
    print(
        f"quarter {quarter}, Treg {'as is' if share is None else share}, counts kept {depth}: "
        f"{truth.sum()} of {true_t.sum()} T cells; F1 {told}; wrong {(sure & first & ~truth).sum()} "
        f"and {(called & ~truth).sum()}; expected precision {precision:.2f} recall {recall:.2f}; "
        f"log-loss {losses[0]:.3f}, shares anew {losses[1]:.3f}; halves of the "
        f"Treg genes {together:.2f}, excess {excess:.2f}",
        flush=True,
    )


def main() -> None:
    warnings.simplefilter("ignore")
    for quarter, (cells, donors) in enumerate(quarters()):
        for share in SHARES:
            for depth in DEPTHS.get(share, (1.0, 0.5)):
                row(quarter, share, depth, cells, donors)


if __name__ == "__main__":
    main()
