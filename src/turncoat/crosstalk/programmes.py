"""What receivers do: each of a receiver's programmes against each signal that reaches it.

The response of an edge is the one its ligand is known for. Whether the receiver becomes more
stem-like, divides, kills or is exhausted as the signal rises is asked here, programme by programme.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from turncoat.crosstalk.effects import kind_of_receiver
from turncoat.crosstalk.heard import MIN_FREEDOM, Answers, Responses, answers
from turncoat.crosstalk.labels import distinct_keys, texts
from turncoat.crosstalk.listen import CYCLE, SECACT, donors_matrix, surroundings
from turncoat.crosstalk.pairs import UNKNOWN
from turncoat.crosstalk.result import KEY, PROGRAMMES
from turncoat.crosstalk.tissue import TissueResult
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Programmes that only some kinds of receivers have, and whom their rise serves.
OF_KIND: Final = {
    "tumour": {
        "stemness": "pro_tumour",
        "epithelial-mesenchymal transition": "pro_tumour",
        "proliferation": "pro_tumour",
    },
    "killer": {
        "cytotoxicity": "anti_tumour",
        "activation": "anti_tumour",
        "exhaustion": "pro_tumour",
    },
    "helper": {"activation": "anti_tumour", "exhaustion": "pro_tumour"},
}
#: Programmes that say how the cells were handled, not what they do.
LEFT_OUT: Final = ("dissociation stress",)
#: Edges asked: all that differ, and at least so many of the best ranked, but never more than MOST.
LEAST: Final = 200
MOST: Final = 1_000
#: Two-sided level at which a programme must follow its signal within the arms too, as for responses.
WITHIN: Final = 0.4
OTHER_WAY: Final = {"pro_tumour": "anti_tumour", "anti_tumour": "pro_tumour", UNKNOWN: UNKNOWN}


@dataclass(frozen=True, slots=True)
class Asked:
    """Distinct tests: one signal from one sender against one programme of one receiver.

    Parameters
    ----------
    edge
        An edge with the signal, shape ``(n_tests,)``.
    programme
        Number of the response, same shape.
    """

    edge: IntArray
    programme: IntArray


def programme_table(
    tissues: list[TissueResult], ranked: pd.DataFrame, responses: Responses, fdr: float
) -> pd.DataFrame:
    """Tabulate every programme of the receivers of the best ranked edges.

    Parameters
    ----------
    tissues
        Tests of every tissue.
    ranked
        Edges in order, with the column ``edge``: their number within the tissue.
    responses
        All responses; programmes are those that are no ligand's signature.
    fdr
        False-discovery rate over all distinct tests of the table.

    Returns
    -------
    DataFrame
        Columns of :data:`turncoat.crosstalk.result.PROGRAMMES`.
    """
    differ = int((ranked["qvalue"] <= fdr).to_numpy().sum())
    top = ranked.head(min(max(LEAST, differ), MOST))
    parts = [_of_tissue(found, top[top["tissue"] == found.tissue], responses) for found in tissues]
    parts = [part for part in parts if len(part)]
    if not parts:
        return PROGRAMMES.build([])
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    table["qvalue"] = _qvalues(table)
    _add_answers(table, fdr)
    table = table.sort_values(["rank", "pvalue", "programme"], kind="stable", na_position="last")
    return PROGRAMMES.build({name: table[name].to_numpy() for name in PROGRAMMES.names})


def programmes_of(population: str, responses: Responses) -> dict[str, str]:
    """List a receiver's programmes, and whom the rise of each serves."""
    special = {name for kind in OF_KIND.values() for name in kind}
    mine = OF_KIND.get(kind_of_receiver(population), {})
    return {
        name: mine.get(name, UNKNOWN)
        for name in responses.names
        if not name.endswith(SECACT)
        and name not in LEFT_OUT
        and (name in mine or name not in special)
    }


def _of_tissue(found: TissueResult, top: pd.DataFrame, responses: Responses) -> pd.DataFrame:
    if top.empty:
        return top
    number = {name: place for place, name in enumerate(responses.names)}
    edge = top["edge"].to_numpy()
    mine = [programmes_of(name, responses) for name in found.field.populations]
    length = np.array([len(mine[receiver]) for receiver in found.edges.receiver[edge]])
    row = np.repeat(np.arange(len(top)), length)
    names = [name for receiver in found.edges.receiver[edge] for name in mine[receiver]]
    serves = [text for receiver in found.edges.receiver[edge] for text in mine[receiver].values()]
    programme = np.array([number[name] for name in names], dtype=np.int64)
    asked, test = _distinct(found, Asked(edge[row], programme))
    given = ask(found, asked, responses)
    taken = [*KEY, "rank", "response"]
    table = pd.DataFrame({name: texts(top[name])[row] for name in taken}, copy=False)
    table["programme"] = np.array(names, dtype=object)
    table["is_expected"] = (table["programme"] == table["response"]).to_numpy()
    table["coverage"] = responses.coverage[programme]
    table["is_measured"] = responses.usable[programme]
    table["serves"] = np.array(serves, dtype=object)
    for name in ("correlation", "pvalue", "within", "within_pvalue", "held_out"):
        table[name] = getattr(given, name)[test]
    table["n_donors"] = given.n_units[test]
    table["test"] = test
    return table


def _distinct(found: TissueResult, asked: Asked) -> tuple[Asked, IntArray]:
    """Receptors of one ligand share a test: give the distinct tests, and each row's number."""
    edges, ligand = found.edges, found.ligand
    parts = (part[asked.edge] for part in (edges.sender, edges.receiver, ligand))
    keys = distinct_keys(*parts, asked.programme)
    _, first, test = np.unique(keys, return_index=True, return_inverse=True)
    return Asked(asked.edge[first], asked.programme[first]), test


def ask(found: TissueResult, asked: Asked, responses: Responses) -> Answers:
    """Test each programme against each signal over donors, adjusted as responses are.

    The programme of proliferation is not adjusted for the cell cycle, which it is.
    """
    given = Answers.none(asked.edge.size)
    scene, edges = found.scene, found.edges
    _, pattern = np.unique(scene.known, axis=1, return_inverse=True)
    cycle = responses.names.index(CYCLE)
    is_cycle = asked.programme == cycle
    usable = np.flatnonzero(responses.usable[asked.programme])
    keys = distinct_keys(
        edges.receiver[asked.edge],
        pattern.ravel()[edges.sender[asked.edge]],
        is_cycle.astype(np.int64),
    )[usable]
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    for some in np.split(usable[order], starts[1:]) if usable.size else []:
        first = asked.edge[some[0]]
        keep = scene.known[:, edges.sender[first]] & scene.known[:, edges.receiver[first]]
        if keep.sum() > 2:
            outcome = _ask_group(found, asked, some, keep, is_cycle=bool(is_cycle[some[0]]))
            given.put(some, outcome)
    return given


def _ask_group(
    found: TissueResult, asked: Asked, some: IntArray, keep: BoolArray, *, is_cycle: bool
) -> Answers:
    scene, edge = found.scene, asked.edge[some]
    receiver = int(found.edges.receiver[edge[0]])
    turn, arm = donors_matrix(scene.units, keep)
    score = found.activities.of(asked.programme[some], receiver)
    shared = surroundings(scene, found.activities, (receiver, keep, turn), with_cycle=not is_cycle)
    return answers(
        turn @ found.edges.ligand[np.ix_(keep, edge)],
        turn @ score[keep],
        turn @ found.own[keep, receiver][:, found.ligand[edge]],
        shared,
        arm,
    )


def _qvalues(table: pd.DataFrame) -> FloatArray:
    tissue = pd.factorize(table["tissue"])[0]
    keys = distinct_keys(tissue, table["test"].to_numpy())
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(benjamini_hochberg(table["pvalue"].to_numpy()[first])[same])


def _add_answers(table: pd.DataFrame, fdr: float) -> None:
    measured = table["is_measured"].to_numpy()
    tested = np.isfinite(table["pvalue"].to_numpy())
    correlation, within = table["correlation"].to_numpy(), table["within"].to_numpy()
    clear = (table["qvalue"] <= fdr).to_numpy()
    upheld = (table["held_out"] > 0).to_numpy() & (np.sign(within) == np.sign(correlation))
    upheld &= (table["within_pvalue"] <= WITHIN).to_numpy()
    autocrine = (table["sender"] == table["receiver"]).to_numpy()
    conditions = [
        ~measured,
        ~tested & autocrine,
        ~tested,
        clear & upheld & (correlation > 0),
        clear & upheld,
        clear,
    ]
    words = ["not testable"] * 3 + ["rises", "falls", "silent"]
    reasons = [
        "the panel measures too little of the programme",
        "sender and receiver are one population: its signal cannot be told from its own ligand",
        f"fewer than {MIN_FREEDOM} degrees of freedom after adjustment, or nothing varies",
        "rises with the signal over donors, also in donors held out",
        "falls with the signal over donors, also in donors held out",
        "follows the signal between the arms, but not within them or in held-out donors",
    ]
    table["status"] = np.where(tested, "tested", "not_testable")
    table["answer"] = np.select(conditions, words, "silent")
    table["reason"] = np.select(conditions, reasons, "not shown to follow the signal over donors")
    rises, falls = (table["answer"] == word for word in ("rises", "falls"))
    turned = table["serves"].map(OTHER_WAY)
    table["effect"] = np.select([rises, falls], [table["serves"], turned], UNKNOWN)
