"""Stages of mouse NK cells: CD27 with Socs3 before CD11b (Itgam)."""

import numpy as np
import scipy.sparse as sp

from turncoat.cells import marker_set
from turncoat.cells.sample import Sample
from turncoat.cells.states import learn_states

IMMATURE, MATURE = "NK immature (CD56bright)", "NK mature (CD56dim)"


def test_cd27_socs3_high_and_cd11b_high_cells_are_told_apart() -> None:
    states = marker_set("mouse").at("state", "NK")
    by_name = {node.name: node for node in states}
    assert {"Cd27", "Socs3"} <= set(by_name[IMMATURE].positive)
    assert "Itgam" in by_name[MATURE].positive
    assert "Itgam" in by_name[IMMATURE].negative
    genes = list(dict.fromkeys(g for node in states for g in (*node.positive, *node.negative)))
    genes += [f"Olfr{k}" for k in range(300)]
    truth = np.repeat([IMMATURE, MATURE, ""], [40, 150, 110])
    rate = np.full((truth.size, len(genes)), 0.02)
    rate[:, -300:] = 5.0
    for name in (IMMATURE, MATURE):
        own = [genes.index(gene) for gene in by_name[name].positive]
        rate[np.ix_(truth == name, own)] = 1.5
    counts = np.random.default_rng(7).poisson(rate).astype(float)
    sample = Sample.of(sp.csr_matrix(counts), genes)
    nodes = sample.resolve(list(enumerate(states)))
    rng = np.random.default_rng(0)
    model = learn_states("NK", sample.counts, sample.depth, genes, nodes, rng)
    assert model is not None
    columns = [genes.index(gene) for gene in model.genes]
    called, _ = model.call(counts[:, columns], sample.depth)
    assert (called[truth == IMMATURE] == IMMATURE).mean() > 0.8
    assert (called[truth == MATURE] == MATURE).mean() > 0.8
    assert (called[truth == ""] == IMMATURE).mean() <= 0.02
    assert not (called[truth == MATURE] == IMMATURE).any()
