"""Which response belongs to which signal, and the test of every edge's answer."""

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from turncoat.crosstalk.by_unit import product
from turncoat.crosstalk.effects import TUMOUR
from turncoat.crosstalk.heard import Answers, Responses, activity, answers, standard_weights
from turncoat.crosstalk.labels import distinct_keys
from turncoat.crosstalk.pairs import SUBUNITS
from turncoat.crosstalk.science import Edges
from turncoat.knowledge.registry import read_table
from turncoat.stats.units import Units
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Fewer pairs than this cannot carry the test by themselves; donors' means are used instead.
MIN_PAIRS: Final = 6
CYCLE: Final = "proliferation"
#: Marks a ligand's signature among the responses.
SECACT: Final = " (SecAct)"
#: Added to a share of cells before its logarithm: one cell in a thousand.
SHARE_PRIOR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Scene:
    """What surrounds the edges of one tissue.

    Parameters
    ----------
    units
        Donors as arranged.
    level
        log level of every gene, shape ``(units, populations, genes)``.
    known
        Whether a population is measured, shape ``(units, populations)``.
    depth
        Counts per cell, same shape.
    purity
        log-odds of the tumour share per unit; empty where it cannot be known.
    genes
        The panel.
    """

    units: Units
    level: FloatArray
    known: BoolArray
    depth: FloatArray
    purity: FloatArray
    genes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activities:
    """Scores of the responses that are looked at.

    Parameters
    ----------
    used
        Numbers of the responses, ascending.
    values
        Shape ``(units, populations, n_used)``.
    cycle
        Number of the response that stands for the cell cycle.
    """

    used: IntArray
    values: FloatArray
    cycle: int

    def of(self, numbers: IntArray, receiver: int) -> FloatArray:
        """Scores of some responses, all of them among those used, in one population."""
        return np.asarray(self.values[:, receiver][:, np.searchsorted(self.used, numbers)])

    def of_edges(self, wanted: IntArray, receiver: IntArray) -> FloatArray:
        """Score the response of each edge in its receiver, NaN where there is none (-1)."""
        columns = np.searchsorted(self.used, np.maximum(wanted, self.used[0]))
        return np.where(wanted >= 0, self.values[:, receiver, columns], np.nan)


@functools.lru_cache(maxsize=2)
def known_responses(genes: tuple[str, ...], species: str) -> tuple[Responses, dict[str, str]]:
    """Collect the responses a panel can show; kept, since every contrast of a study asks anew.

    Parameters
    ----------
    genes
        The panel.
    species
        Mouse genes are matched to the human tables by their capital letters.

    Returns
    -------
    tuple
        The responses, and for each pathway of the table of signals its programme.
    """
    table, by_pathway = _response_table()
    if species == "mouse":
        genes = tuple(gene.upper() for gene in genes)
    return standard_weights(table, genes), dict(by_pathway)


@functools.cache
def response_genes() -> frozenset[str]:
    """Name every human gene with weight in a response."""
    return frozenset(read_table("responses")["gene"]) | frozenset(
        read_table("response_programmes")["gene"]
    )


@functools.cache
def _response_table() -> tuple[pd.DataFrame, dict[str, str]]:
    """Genes × responses, and the programme of each pathway: joined once per process."""
    programmes = read_table("response_programmes")
    programmes["sign"] = programmes["sign"].astype(float)
    wide = programmes.pivot_table(index="gene", columns="programme", values="sign", fill_value=0.0)
    secreted = read_table("responses").set_index("gene")
    names = [*wide.columns, *(f"{name}{SECACT}" for name in secreted.columns)]
    genes = wide.index.union(secreted.index, sort=True)
    # Filled in place: a join of five hundred columns makes three copies of them.
    values = np.zeros((len(genes), len(names)))
    values[genes.get_indexer(wide.index), : wide.shape[1]] = wide.to_numpy(dtype=np.float64)
    values[genes.get_indexer(secreted.index), wide.shape[1] :] = secreted.to_numpy()
    by_pathway = {
        pathway: str(row.programme)
        for row in programmes.drop_duplicates("programme").itertuples()
        for pathway in str(row.pathways).split(";")
        if pathway
    }
    return pd.DataFrame(values, index=genes, columns=pd.Index(names), copy=False), by_pathway


def choose_responses(
    table: pd.DataFrame, responses: Responses, by_pathway: dict[str, str]
) -> IntArray:
    """Choose each pair's response: its pathway's programme, else its ligand's signature.

    Direct targets of a pathway come first because they are few and causal; the SecAct signatures,
    learnt from association over many tumours, serve where no programme is known.

    Returns
    -------
    IntArray
        Number of the response, -1 for none, shape ``(n_pairs,)``.
    """
    number = {name: place for place, name in enumerate(responses.names) if responses.usable[place]}
    chosen: dict[tuple[str, str], int] = {}
    asked = list(zip(table["ligand"], table["pathway"], strict=True))
    for ligand, pathway in dict.fromkeys(asked):
        names = [by_pathway.get(pathway, "")]
        names += [f"{part.upper()}{SECACT}" for part in str(ligand).split(SUBUNITS)]
        chosen[ligand, pathway] = next((number[name] for name in names if name in number), -1)
    return np.array([chosen[each] for each in asked], dtype=np.int64)


def listen(
    edges: Edges, asked: tuple[IntArray, IntArray], own: FloatArray, scene: Scene, known: Responses
) -> tuple[Answers, Activities]:
    """Test, for every edge with a response, whether the receiver answers.

    Receptors of one ligand share a test, which is done once.

    Parameters
    ----------
    edges
        The edges.
    asked
        Response of each edge, -1 for none, and its ligand's number, shape ``(n_edges,)``.
    own
        Level of every ligand, shape ``(units, populations, ligands)``: the receiver's own counts.
    scene
        What surrounds them.
    known
        The responses.

    Returns
    -------
    tuple
        The answers, and the scores of all responses.
    """
    wanted, ligand = asked
    activities = score_activities(scene, wanted, known)
    tested = np.flatnonzero(wanted >= 0)
    keys = distinct_keys(edges.sender, edges.receiver, ligand, wanted)[tested]
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    edge = tested[first]
    given = Answers.none(edge.size)
    matrices: dict[bytes, tuple[FloatArray, FloatArray]] = {}
    for receiver, keep, some in _groups(edges.sender[edge], edges.receiver[edge], scene):
        name = keep.tobytes()
        if name not in matrices:
            matrices[name] = donors_matrix(scene.units, keep)
        turn, arm = matrices[name]
        mine = edge[some]
        outcome = answers(
            product(turn, edges.ligand[np.ix_(keep, mine)]),
            product(turn, activities.of(wanted[mine], receiver)[keep]),
            product(turn, own[keep, receiver][:, ligand[mine]]),
            surroundings(scene, activities, (receiver, keep, turn)),
            arm,
        )
        given.put(some, outcome)
    found = Answers.none(wanted.size)
    found.put(tested, given.take(same))
    return found, activities


def score_activities(scene: Scene, wanted: IntArray, responses: Responses) -> Activities:
    """Score the responses of the edges, and every programme that is no ligand's signature."""
    programmes = [n for n, name in enumerate(responses.names) if not name.endswith(SECACT)]
    used = np.unique([*wanted[wanted >= 0], *programmes]).astype(np.int64)
    values = activity(scene.level, scene.known, responses.take(used))
    return Activities(used, values, responses.names.index(CYCLE))


def surroundings(
    scene: Scene,
    activities: Activities,
    place: tuple[int, BoolArray, FloatArray],
    *,
    with_cycle: bool = True,
) -> FloatArray:
    """Collect what is adjusted for in one receiver: depth, cell cycle and purity, per donor."""
    receiver, keep, turn = place
    cycle = activities.of(np.array([activities.cycle]), receiver)[keep, 0]
    columns = [turn @ np.log(scene.depth[keep, receiver])]
    columns += [turn @ cycle] if with_cycle else []
    columns += [turn @ scene.purity[keep]] if scene.purity.size else []
    return np.column_stack(columns)


def _groups(
    sender: IntArray, receiver: IntArray, scene: Scene
) -> "list[tuple[int, BoolArray, IntArray]]":
    """Group tests with one receiver, made in the same units: they share their covariates."""
    groups: list[tuple[int, BoolArray, IntArray]] = []
    if not sender.size:
        return groups
    _, pattern = np.unique(scene.known, axis=1, return_inverse=True)
    codes = pattern.ravel()[sender] * scene.known.shape[1] + receiver
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for some in np.split(order, starts[1:]):
        keep = scene.known[:, sender[some[0]]] & scene.known[:, receiver[some[0]]]
        if keep.sum() > 2:
            groups.append((int(receiver[some[0]]), keep, some))
    return groups


def donors_matrix(units: Units, keep: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Turn units into donors: differences of pairs where there are enough, else means.

    Returns
    -------
    tuple
        Matrix from the kept units to donors, and each donor's arm (constant for pairs).
    """
    mine = units.take(keep)
    pairs = mine.pairs
    if len(pairs) >= MIN_PAIRS and mine.pairing != "blocked":
        turn = np.zeros((len(pairs), mine.case.size))
        turn[np.arange(len(pairs)), pairs[:, 0]] = 1.0
        turn[np.arange(len(pairs)), pairs[:, 1]] = -1.0
        return turn, np.zeros(len(pairs))
    names, codes = np.unique(np.array(mine.donors), return_inverse=True)
    turn = (codes[np.newaxis, :] == np.arange(names.size)[:, np.newaxis]).astype(float)
    turn /= turn.sum(axis=1, keepdims=True)
    return turn, turn @ mine.case.astype(float)


def purity_of(share: FloatArray, populations: tuple[str, ...]) -> FloatArray:
    """Log-odds of the tumour share of each unit; empty where no population is a tumour's."""
    tumour = [bool(TUMOUR.search(name)) for name in populations]
    if not any(tumour):
        return np.empty(0)
    part = share[:, tumour].sum(axis=1)
    return np.asarray(np.log((part + SHARE_PRIOR) / (1 - part + SHARE_PRIOR)))
