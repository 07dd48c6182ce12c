"""Verdicts, the ladder of evidence, and the order of the edges."""

from typing import Any

import numpy as np
import pandas as pd

from turncoat.crosstalk.antagonists import rising_antagonists
from turncoat.crosstalk.around import ABSENT
from turncoat.crosstalk.effects import edge_effects
from turncoat.crosstalk.families import hierarchical_qvalues
from turncoat.crosstalk.heard import MIN_FREEDOM, Responses
from turncoat.crosstalk.labels import alphabetical, distinct_keys, labelled
from turncoat.crosstalk.pairs import Pairs
from turncoat.crosstalk.tissue import TissueResult
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Level at which the permutation test of the whole edge must agree: lenient, since where a side
#: leads the edge's own strength carries the noise of both.
NOMINAL = 0.1
#: A side that leads must stand out among all sides at so many times the false-discovery rate:
#: edges share their sides, and one ligand found by chance would bring all its receivers.
SIDES = 2.0
#: An antagonist speaks against a gain at so many times the false-discovery rate: it is measured in
#: the whole sample, thinner than its ligand, and a doubt needs less than a finding.
DOUBT = 4.0
#: Two-sided level at which a response must follow its signal within the arms too: lenient, since
#: it guards against confounding by the arm and is no second test of the same thing.
WITHIN = 0.4


def edge_table(found: TissueResult, pairs: Pairs, responses: Responses, fdr: float) -> pd.DataFrame:
    """Tabulate the edges of one tissue with their tests and verdicts, unsorted.

    Parameters
    ----------
    found
        Tests of one tissue.
    pairs
        The pairs.
    responses
        The responses.
    fdr
        False-discovery rate of every verdict.

    Returns
    -------
    DataFrame
        Columns of :attr:`Crosstalk.table_schema`, ``rank`` excepted, and ``edge``.
    """
    edges, case = found.edges, found.units.case
    families = edges.pair
    columns = _who(found, pairs) | {
        "edge": np.arange(edges.pair.size),
        "n_case": _measured(edges.strength[case]),
        "n_reference": _measured(edges.strength[~case]),
        "present_case": edges.present[case].sum(axis=0),
        "present_reference": edges.present[~case].sum(axis=0),
        "present_pvalue": found.present,
        "present_qvalue": hierarchical_qvalues(found.present, families),
        "specific_pvalue": found.specific,
        "specific_qvalue": hierarchical_qvalues(found.specific, families),
        "strength_case": found.means[0],
        "strength_reference": found.means[1],
        "change": found.change.change,
        "lower": found.change.lower,
        "upper": found.change.upper,
        "pvalue": found.pvalue,
        "weight": found.weight,
        "learned_weight": found.learned,
        "qvalue": hierarchical_qvalues(weighted(found.pvalue, found.learned), families),
        "permutation_pvalue": found.change.permutation,
        "permutation_floor": found.change.floor,
        "weakest_change": found.change.weakest,
        "ligand_change": found.ligand_change,
        "receptor_change": found.receptor_change,
    }
    columns |= rising_antagonists(columns["ligand"], found)
    columns |= _answers(columns["qvalue"], found, responses, fdr)
    columns |= _verdicts(columns, found, fdr)
    return pd.DataFrame(columns, copy=False)


def weighted(pvalue: Any, weight: Any) -> FloatArray:
    """Divide p-values by their weights; NaN stays."""
    return np.asarray(np.minimum(pvalue / np.maximum(weight, 1e-12), 1.0))


def _who(found: TissueResult, pairs: Pairs) -> dict[str, Any]:
    edges, table = found.edges, pairs.table
    names, n_edges = found.field.populations, found.edges.pair.size
    effect, source, checked = edge_effects(pairs, names, edges.receiver, edges.pair)
    status = found.machinery
    place = edges.sender * status.shape[1] + pairs.ligand[edges.pair]
    return {
        "sender": labelled(names, edges.sender),
        "ligand": labelled(pairs.ligands.names, pairs.ligand[edges.pair]),
        "receiver": labelled(names, edges.receiver),
        "receptor": labelled(pairs.receptors.names, pairs.receptor[edges.pair]),
        "tissue": labelled([found.tissue], np.zeros(n_edges, dtype=np.int64)),
        "kind": labelled(table["kind"].to_numpy(), edges.pair),
        "pathway": labelled(table["pathway"].to_numpy(), edges.pair),
        "n_sources": table["n_sources"].to_numpy(dtype=np.int64)[edges.pair],
        "caution": labelled(table["caution"].to_numpy(), edges.pair),
        "effect": effect,
        "effect_source": source,
        "effect_checked": checked,
        "machinery": labelled(status.ravel(), place),
    }


def _measured(strength: FloatArray) -> IntArray:
    return np.asarray(np.isfinite(strength).sum(axis=0), dtype=np.int64)


def _answers(
    differs: FloatArray, found: TissueResult, responses: Responses, fdr: float
) -> dict[str, Any]:
    answers, wanted = found.answers, found.responses
    asked = (differs <= fdr) & np.isfinite(answers.pvalue)
    qvalue = np.full(wanted.size, np.nan)
    qvalue[asked] = _distinct_qvalues(found, asked)
    heard, reason = _heard(qvalue, found, asked, fdr)
    return {
        "response": labelled([*responses.names, ""], wanted),
        "response_coverage": np.append(responses.coverage, np.nan)[wanted],
        "response_correlation": answers.correlation,
        "response_pvalue": answers.pvalue,
        "response_qvalue": qvalue,
        "response_within": answers.within,
        "response_within_pvalue": answers.within_pvalue,
        "response_held_out": answers.held_out,
        "response_donors": answers.n_units,
        "heard": heard,
        "heard_reason": reason,
    }


def _distinct_qvalues(found: TissueResult, asked: BoolArray) -> FloatArray:
    """Adjust over distinct tests: receptors of one ligand share the receiver's answer."""
    edges = found.edges
    keys = distinct_keys(edges.sender, edges.receiver, found.responses, found.ligand)[asked]
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    adjusted = benjamini_hochberg(found.answers.pvalue[asked][first])
    return np.asarray(adjusted[same])


def _heard(
    qvalue: FloatArray, found: TissueResult, asked: BoolArray, fdr: float
) -> tuple[Any, Any]:
    no_response = found.responses < 0
    untested = ~np.isfinite(found.answers.pvalue)
    clear = qvalue <= fdr
    up = found.answers.correlation > 0
    agrees = np.sign(found.answers.within) == np.sign(found.answers.correlation)
    upheld = (found.answers.held_out > 0) & agrees & (found.answers.within_pvalue <= WITHIN)
    conditions = [no_response, untested, ~asked, clear & upheld & up, clear & upheld, clear]
    verdicts = ["not testable", "not testable", "not asked", "heard", "opposite", "silent"]
    reasons = [
        "no response of this signal is known, or the panel measures too little of it",
        f"fewer than {MIN_FREEDOM} degrees of freedom after adjustment, or nothing varies",
        "the edge could not be shown to differ between the arms",
        "the response rises with the signal over donors, also in donors held out",
        "the response falls with the signal over donors, also in donors held out",
        "the response follows the signal between the arms, but not within them or in held-out donors",
        "the response could not be shown to follow the signal over donors",
    ]
    which = np.select(conditions, range(len(conditions)), len(conditions))
    return labelled([*verdicts, "silent"], which), labelled(reasons, which)


def _verdicts(columns: dict[str, Any], found: TissueResult, fdr: float) -> dict[str, Any]:
    untested = ~np.isfinite(columns["pvalue"])
    machinery = columns["machinery"]
    absent = [str(text).startswith(ABSENT) for text in machinery.categories]
    not_sent = np.array(absent, dtype=bool)[machinery.codes]
    differs = _differs(columns, found, fdr)
    up = columns["change"] > 0
    rising = columns["antagonist_qvalue"] <= DOUBT * fdr
    heard = columns["heard"] == "heard"
    moved = _moved(found, fdr)
    shifted = moved[found.edges.sender] | moved[found.edges.receiver]
    conditions = [
        untested,
        not_sent,
        differs & up & rising & ~heard,
        differs & up,
        differs,
        shifted,
    ]
    words = ["not testable", "not sent", "opposed", "gained", "lost", "composition only"]
    which = np.select(conditions, range(len(conditions)), len(conditions))
    verdict = labelled([*words, "inconclusive"], which)
    return {
        "status": labelled(["tested", "not_testable"], untested.astype(np.int64)),
        "verdict": verdict,
        "reason": _reasons(columns, which),
        "ladder": _ladder(columns, verdict, fdr),
    }


def _reasons(columns: dict[str, Any], which: IntArray) -> pd.Categorical:
    """Say why each edge has its verdict, by the verdict's number."""
    machinery, antagonist = columns["machinery"], columns["antagonist"]
    few = np.minimum(columns["n_case"], columns["n_reference"]) < 3
    reasons = [
        "both populations are measured in too few donors of an arm",
        "the donors do not vary, their labels cannot be exchanged, or covariates are missing or decide the arm",
        "stronger in case donors",
        "weaker in case donors",
        "a side changes in number, not in expression",
        "no difference shown",
    ]
    lacks = machinery.codes.astype(np.int64) + len(reasons)
    lacking = [str(text).removeprefix(f"{ABSENT}: ") for text in machinery.categories]
    reasons += [f"the sender lacks {genes}" for genes in lacking]
    opposed = antagonist.codes.astype(np.int64) + len(reasons)
    rises = "stronger in case donors, unheard, while its antagonist rises:"
    reasons += [f"{rises} {name}" for name in antagonist.categories]
    return labelled(reasons, np.choose(which, [np.where(few, 0, 1), lacks, opposed, 2, 3, 4, 5]))


def _differs(columns: dict[str, Any], found: TissueResult, fdr: float) -> BoolArray:
    """Which edges differ: by their q-value, whoever is left out, by permutation and by sides."""
    stable = columns["weakest_change"] * np.sign(columns["change"]) > 0
    floor, permutation = (
        np.where(np.isnan(columns[name]), 1.0, columns[name])
        for name in ("permutation_floor", "permutation_pvalue")
    )
    agreed = (permutation <= NOMINAL) | (permutation <= floor)
    agreed |= np.isnan(columns["permutation_pvalue"])
    differs = (columns["qvalue"] <= fdr) & stable & agreed
    return np.asarray(differs & (found.side_qvalue <= SIDES * fdr))


def _moved(found: TissueResult, fdr: float) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(benjamini_hochberg(found.abundance.pvalue) <= fdr)


def _ladder(columns: dict[str, Any], verdict: pd.Categorical, fdr: float) -> pd.Categorical:
    rungs = {
        "present": columns["present_qvalue"] <= fdr,
        "specific": columns["specific_qvalue"] <= fdr,
        "different": verdict.isin(["gained", "lost"]),
        "heard": columns["heard"] == "heard",
    }
    names = [" > ".join(np.array(list(rungs))[row]) for row in _patterns(len(rungs))]
    return labelled(names, sum(reached * (1 << n) for n, reached in enumerate(rungs.values())))


def _patterns(n: int) -> BoolArray:
    return (np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1).astype(bool)


def rank_edges(table: pd.DataFrame) -> pd.DataFrame:
    """Sort edges: by verdict, by rungs of the ladder, then by weighted p-value.

    The weights order what is not told apart otherwise; the q-values know nothing of them. A signal
    switched on from nothing has a low mean strength, and must not lose its verdict for that.
    """
    order = {"gained": 0, "lost": 0, "opposed": 1, "inconclusive": 2, "composition only": 2}
    codes, verdicts = pd.factorize(table["verdict"])
    place = np.array([order.get(str(name), 3) for name in verdicts], dtype=np.int64)[codes]
    codes, ladders = pd.factorize(table["ladder"])
    rungs = np.array([text.count(">") + (text != "") for text in ladders], dtype=np.int64)[codes]
    names = ["sender", "receiver", "ligand", "receptor", "tissue"]
    ties = [alphabetical(table[name]) for name in reversed(names)]
    pvalue = weighted(table["pvalue"].to_numpy(), table["weight"].to_numpy())
    index = np.lexsort((*ties, -table["n_sources"].to_numpy(), pvalue, -rungs, place))
    columns = {str(name): table[name].array[index] for name in table.columns}
    return pd.DataFrame(columns | {"rank": np.arange(1, len(table) + 1)}, copy=False)
