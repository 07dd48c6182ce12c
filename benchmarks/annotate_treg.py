"""Regulatory T cells looked for, ranked, and learnt from labels: parts of ``annotate.py``.

The rule of ``seek`` has no constant that was tuned; that it should be offered was seen on CID4465,
where the ranking of T cells was good and hardly one was called, and it was tried on the tuning half
of GSE131907 (``scripts/tune_seek.py``) before it was measured here.
"""

import itertools
from typing import Any

import numpy as np

TREG = ("Treg",)
#: Seed of the halves of pbmc68k_reduced, and of the resampling of donors.
SEED = 2_611
N_RESAMPLED = 1_000
#: Stated confidences whose calls are counted together.
BINS = (0.7, 0.8, 0.9, 0.95, 1.0001)


def agreement(truth: Any, called: Any) -> tuple[float, float, float]:
    both = float((truth & called).sum())
    precision, recall = both / max(called.sum(), 1), both / max(truth.sum(), 1)
    return precision, recall, 2 * both / max(truth.sum() + called.sum(), 1)


def average_precision(score: Any, truth: Any) -> float:
    ordered = truth[np.argsort(-score, kind="stable")]
    return float((np.cumsum(ordered) / np.arange(1, ordered.size + 1))[ordered].mean())


def looked_for(cells: Any, model: Any) -> tuple[Any, dict[str, float]]:
    """Which cells are called Treg when they are looked for, and what was expected of it."""
    from turncoat.cells import annotate_plan
    from turncoat.study import plan_cells

    plan = plan_cells(cells, donor_key="donor", sample_key="sample", tissue_key="tissue")
    found = annotate_plan(plan, annotator=model, seek=TREG)
    expected = found.params["about"]["sought"].get("Treg", {})
    return (found.cells["population"] == "Treg").to_numpy(), expected


def ranking(cells: Any, model: Any) -> Any:
    """Probability of Treg within the T lineage, one a cell."""
    import scipy.sparse as sp

    counts = sp.csr_matrix(cells.X, dtype=float)
    reader = model.prepare(cells.var_names)
    probable, _ = reader.probabilities(counts.data, counts.indices, counts.indptr)
    treg = probable[:, [who == "Treg" for who in model.populations]].sum(axis=1)
    lineage = probable[:, [who == "T" for who in model.lineages]].sum(axis=1)
    return treg / np.maximum(lineage, 1e-12)


def said(expected: dict[str, float]) -> str:
    if not expected:
        return "no line could be drawn"
    return (
        f"expected of these cells without labels: precision {expected['precision']:.2f}, recall "
        f"{expected['recall']:.2f}; line at a probability of {expected['line']:.2f}"
    )


def lung(bar: Any, cells: Any, hidden: Any, learn: Any, held: Any) -> list[Any]:
    """Treg looked for on the held-out donors, at three depths, and where there is none."""
    from annotate_truth import thinned

    state = cells.obs["cell_state"].astype(str).to_numpy()
    treg = (state == "Treg")[held]
    t_cells = (cells.obs["cell_type"].astype(str) == "T_lymphocytes").to_numpy()[held]
    mine = hidden[held].copy()
    bars = []
    for share in (1.0, 0.5, 0.25):
        thin = mine.copy()
        thin.X = thinned(mine.X, share, seed=5)
        found, _, model = learn(thin)
        plain = (found.cells["population"] == "Treg").to_numpy()
        sought, expected = looked_for(thin, model)
        for what, called in (("as called", plain), ("looked for (seek)", sought)):
            p, r, f1 = agreement(treg, called)
            note = f"precision {p:.2f}, recall {r:.2f}"
            note += "" if what == "as called" else "; " + said(expected)
            bars.append(
                bar(
                    f"GSE131907, held-out donors alone, {share:g} of the counts: Treg F1, {what}",
                    f1, unit="", note=note,
                )
            )  # fmt: skip
    without = mine[~treg].copy()
    found, _, model = learn(without)
    plain = (found.cells["population"] == "Treg").to_numpy()
    sought, _ = looked_for(without, model)
    for what, called in (("called Treg", plain), ("called Treg when looked for", sought)):
        bars.append(
            bar(
                f"GSE131907, held-out donors, every Treg taken out: cells {what}",
                float(called.mean()), unit="share",
                note=f"{called.sum()} of {called.size} cells, {called[t_cells[~treg]].sum()} of them "
                f"among the {t_cells[~treg].sum()} T cells",
            )
        )  # fmt: skip
    return bars


def breast(bar: Any, hidden: Any, model: Any, treg: Any, t_cells: Any) -> list[Any]:
    """Treg looked for in CID4465, and how well its T cells are ranked."""
    sought, expected = looked_for(hidden, model)
    p, r, f1 = agreement(treg, sought)
    score = ranking(hidden, model)
    return [
        bar(
            "CID4465: Treg F1 when looked for (annotate's option seek)", f1, unit="", limit=0.6,
            at_least=True, note=f"precision {p:.2f}, recall {r:.2f}; {said(expected)}",
        ),
        bar(
            "CID4465: average precision of our ranking of its T cells by Treg",
            average_precision(score[t_cells], treg[t_cells]), unit="",
            note="no label of this data set was used",
        ),
    ]  # fmt: skip


def blood(bar: Any, cells: Any, labels: Any) -> list[Any]:
    """What a model learnt from half of the labels says of the other half, beside a trivial rule."""
    import turncoat as tc

    order = np.random.default_rng(SEED).permutation(labels.size)
    first, second = np.sort(order[::2]), np.sort(order[1::2])
    f1s, trivial, nk = [], [], []
    for teach, ask in ((first, second), (second, first)):
        taught = cells[teach].copy()
        taught.obs["label"] = labels[teach]
        model = tc.pp.train_annotator(taught, label_key="label", seed=SEED)
        asked = cells[ask].copy()
        asked.obs["sample"] = "s"
        guess = tc.pp.annotate(asked, sample_key="sample", annotator=model).cells["guess"]
        truth = labels[ask]
        cd4 = np.char.startswith(truth.astype(str), "CD4+/")
        f1s.append(
            agreement(truth == "CD4+/CD25 T Reg", (guess == "CD4+/CD25 T Reg").to_numpy())[2]
        )
        trivial.append(agreement(truth == "CD4+/CD25 T Reg", cd4)[2])
        nk.append(agreement(truth == "CD56+ NK", (guess == "CD56+ NK").to_numpy())[2])
    note = "labels of this very data set were used: not comparable with the rows above"
    each = "each half taught the other: " + " and ".join(f"{x:.2f}" for x in f1s)
    return [
        bar(
            "pbmc68k_reduced: Treg F1 of train_annotator taught on half of the labelled cells",
            float(np.mean(f1s)), unit="", note=f"{note}; {each}; seed {SEED}",
        ),
        bar(
            "pbmc68k_reduced: Treg F1 of calling every cell that is labelled CD4 a Treg",
            float(np.mean(trivial)), unit="", note="the same halves; knows the labels of CD4 cells",
        ),
        bar(
            "pbmc68k_reduced: NK F1 of the same taught model",
            float(np.mean(nk)), unit="", note=note,
        ),
    ]  # fmt: skip


def intervals(sure: Any, right: Any, donor: Any) -> list[list[float]]:
    """Per bin of stated confidence: stated, right, 95 % interval over donors, cells, donors."""
    rng = np.random.default_rng(SEED)
    names, codes = np.unique(donor, return_inverse=True)
    rows = []
    for low, high in itertools.pairwise(BINS):
        inside = (sure >= low) & (sure < high)
        if inside.sum() < 10:
            continue
        n = np.bincount(codes[inside], minlength=names.size).astype(float)
        hits = np.bincount(codes[inside], right[inside], minlength=names.size)
        drawn = rng.integers(names.size, size=(N_RESAMPLED, names.size))
        totals = n[drawn].sum(axis=1)
        shares = hits[drawn].sum(axis=1)[totals > 0] / totals[totals > 0]
        least, most = np.quantile(shares, [0.025, 0.975])
        rows.append(
            [float(sure[inside].mean()), float(right[inside].mean()), float(least), float(most),
             int(inside.sum()), int((n > 0).sum())]
        )  # fmt: skip
    return rows
