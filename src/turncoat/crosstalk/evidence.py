"""Verdicts, the ladder of evidence, and the order of the edges."""

from typing import Any

import numpy as np
import pandas as pd

from turncoat.crosstalk.around import ABSENT
from turncoat.crosstalk.effects import edge_effects
from turncoat.crosstalk.families import hierarchical_qvalues
from turncoat.crosstalk.heard import MIN_FREEDOM, Responses
from turncoat.crosstalk.pairs import SUBUNITS, Pairs
from turncoat.crosstalk.tissue import TissueResult
from turncoat.stats.multiplicity import benjamini_hochberg
from turncoat.tables import BoolArray, FloatArray, IntArray

#: Level at which the permutation test of the whole edge must agree: lenient, since where a side
#: leads the edge's own strength carries the noise of both.
NOMINAL = 0.1
#: A side that leads must stand out among all sides at so many times the false-discovery rate:
#: edges share their sides, and one ligand found by chance would bring all its receivers.
SIDES = 2.0
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
        "machinery": _machinery(found, pairs),
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
        "qvalue": hierarchical_qvalues(found.pvalue, families),
        "permutation_pvalue": found.change.permutation,
        "permutation_floor": found.change.floor,
        "weakest_change": found.change.weakest,
        "ligand_change": found.ligand_change,
        "receptor_change": found.receptor_change,
    }
    table = pd.DataFrame(columns)
    _add_antagonists(table, found)
    _add_answers(table, found, responses, fdr)
    _add_verdicts(table, found, fdr)
    return table


def weighted(pvalue: Any, weight: Any) -> FloatArray:
    """Divide p-values by their weights; NaN stays."""
    return np.asarray(np.minimum(pvalue / np.maximum(weight, 1e-12), 1.0))


def _who(found: TissueResult, pairs: Pairs) -> dict[str, Any]:
    edges, names = found.edges, np.array(found.field.populations, dtype=object)
    rows = pairs.table.iloc[edges.pair]
    effect, source = edge_effects(pairs, found.field.populations, edges.receiver, edges.pair)
    return {
        "sender": names[edges.sender],
        "ligand": rows["ligand"].to_numpy(dtype=object),
        "receiver": names[edges.receiver],
        "receptor": rows["receptor"].to_numpy(dtype=object),
        "tissue": np.full(edges.pair.size, found.tissue, dtype=object),
        "kind": rows["kind"].to_numpy(dtype=object),
        "pathway": rows["pathway"].to_numpy(dtype=object),
        "n_sources": rows["n_sources"].to_numpy(dtype=np.int64),
        "caution": rows["caution"].to_numpy(dtype=object),
        "effect": effect,
        "effect_source": source,
    }


def _machinery(found: TissueResult, pairs: Pairs) -> Any:
    status = found.machinery.to_numpy(dtype=object)
    return status[found.edges.sender, pairs.ligand[found.edges.pair]]


def _measured(strength: FloatArray) -> IntArray:
    return np.asarray(np.isfinite(strength).sum(axis=0), dtype=np.int64)


def _add_antagonists(table: pd.DataFrame, found: TissueResult) -> None:
    names = sorted(set(found.antagonists["antagonist"]))
    change = dict(zip(names, found.antagonist_change.change, strict=True))
    adjusted = benjamini_hochberg(found.antagonist_change.pvalue)
    pvalue = dict(zip(names, adjusted, strict=True))
    rising: dict[str, tuple[str, float, float]] = {}
    for ligand, rows in found.antagonists.groupby("ligand"):
        tested = [name for name in rows["antagonist"] if np.isfinite(pvalue[name])]
        up = [name for name in tested if change[name] > 0]
        best = min(up, key=lambda name: pvalue[name], default="")
        rising[str(ligand)] = (best, change.get(best, np.nan), pvalue.get(best, np.nan))
    nothing = ("", np.nan, np.nan)
    codes, ligands = pd.factorize(table["ligand"])
    chosen = [
        min(
            (rising.get(part, nothing) for part in ligand.split(SUBUNITS)),
            key=lambda each: np.inf if np.isnan(each[2]) else each[2],
        )
        for ligand in ligands
    ]
    table["antagonist"] = np.array([each[0] for each in chosen], dtype=object)[codes]
    for place, name in enumerate(("antagonist_change", "antagonist_qvalue"), start=1):
        table[name] = np.array([each[place] for each in chosen], dtype=np.float64)[codes]


def _add_answers(
    table: pd.DataFrame, found: TissueResult, responses: Responses, fdr: float
) -> None:
    answers, wanted = found.answers, found.responses
    names = np.array([*responses.names, ""], dtype=object)
    table["response"] = names[wanted]
    table["response_coverage"] = np.append(responses.coverage, np.nan)[wanted]
    table["response_correlation"] = answers.correlation
    table["response_pvalue"] = answers.pvalue
    asked = (table["qvalue"] <= fdr).to_numpy() & np.isfinite(answers.pvalue)
    qvalue = np.full(wanted.size, np.nan)
    qvalue[asked] = _distinct_qvalues(found, asked)
    table["response_qvalue"] = qvalue
    table["response_within"] = answers.within
    table["response_within_pvalue"] = answers.within_pvalue
    table["response_held_out"] = answers.held_out
    table["response_donors"] = answers.n_units
    table["heard"], table["heard_reason"] = _heard(table, found, asked, fdr)


def _distinct_qvalues(found: TissueResult, asked: BoolArray) -> FloatArray:
    """Adjust over distinct tests: receptors of one ligand share the receiver's answer."""
    edges = found.edges
    parts = (edges.sender, edges.receiver, found.responses, found.ligand)
    keys = np.column_stack([part[asked] for part in parts])
    _, first, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    adjusted = benjamini_hochberg(found.answers.pvalue[asked][first])
    return np.asarray(adjusted[same.ravel()])


def _heard(
    table: pd.DataFrame, found: TissueResult, asked: BoolArray, fdr: float
) -> tuple[Any, Any]:
    no_response = found.responses < 0
    untested = ~np.isfinite(found.answers.pvalue)
    clear = (table["response_qvalue"] <= fdr).to_numpy()
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
    ]
    return (
        np.select(conditions, verdicts, "silent"),
        np.select(conditions, reasons, "the response does not follow the signal over donors"),
    )


def _add_verdicts(table: pd.DataFrame, found: TissueResult, fdr: float) -> None:
    untested = ~np.isfinite(table["pvalue"].to_numpy())
    table["status"] = np.where(untested, "not_testable", "tested")
    not_sent, lacking = _not_sent(table["machinery"])
    stable = (table["weakest_change"] * np.sign(table["change"]) > 0).to_numpy()
    floor = table["permutation_floor"].fillna(1.0).to_numpy()
    permutation = table["permutation_pvalue"].fillna(1.0).to_numpy()
    agreed = (permutation <= NOMINAL) | (permutation <= floor)
    agreed |= table["permutation_pvalue"].isna().to_numpy()
    differs = (table["qvalue"] <= fdr).to_numpy() & stable & agreed
    differs &= found.side_qvalue <= SIDES * fdr
    up = (table["change"] > 0).to_numpy()
    rising = (table["antagonist_qvalue"] <= fdr).to_numpy()
    heard = (table["heard"] == "heard").to_numpy()
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
    verdicts = ["not testable", "not sent", "opposed", "gained", "lost", "composition only"]
    reasons = [
        _why_untested(table),
        lacking,
        "stronger in case donors, unheard, and so is its antagonist " + table["antagonist"],
        np.full(len(table), "stronger in case donors", dtype=object),
        np.full(len(table), "weaker in case donors", dtype=object),
        np.full(len(table), "a side changes in number, not in expression", dtype=object),
    ]
    table["verdict"] = np.select(conditions, verdicts, "inconclusive")
    table["reason"] = np.select(conditions, reasons, "no difference shown")
    table["ladder"] = _ladder(table, fdr)


def _not_sent(machinery: "pd.Series[str]") -> tuple[BoolArray, Any]:
    """Which edges lack machinery, and how to say so: looked at once per distinct text."""
    codes, texts = pd.factorize(machinery)
    absent = np.array([text.startswith(ABSENT) for text in texts], dtype=bool)
    said = [f"the sender lacks {text.removeprefix(f'{ABSENT}: ')}" for text in texts]
    return absent[codes], np.array(said, dtype=object)[codes]


def _why_untested(table: pd.DataFrame) -> Any:
    few = table[["n_case", "n_reference"]].min(axis=1)
    return np.where(
        few.to_numpy() < 3,
        "both populations are measured in too few donors of an arm",
        "the donors do not vary, or their labels cannot be exchanged",
    )


def _moved(found: TissueResult, fdr: float) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(benjamini_hochberg(found.abundance.pvalue) <= fdr)


def _ladder(table: pd.DataFrame, fdr: float) -> list[str]:
    rungs = {
        "present": (table["present_qvalue"] <= fdr).to_numpy(),
        "specific": (table["specific_qvalue"] <= fdr).to_numpy(),
        "different": table["verdict"].isin(["gained", "lost"]).to_numpy(),
        "heard": (table["heard"] == "heard").to_numpy(),
    }
    reached = np.column_stack(list(rungs.values()))
    names = [" > ".join(np.array(list(rungs))[row]) for row in _patterns(len(rungs))]
    return [names[code] for code in reached @ (1 << np.arange(len(rungs)))]


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
    ties = [pd.factorize(table[name], sort=True)[0] for name in reversed(names)]
    pvalue = weighted(table["pvalue"].to_numpy(), table["weight"].to_numpy())
    index = np.lexsort((*ties, -table["n_sources"].to_numpy(), pvalue, -rungs, place))
    columns = {str(name): table[name].to_numpy()[index] for name in table.columns}
    return pd.DataFrame(columns | {"rank": np.arange(1, len(table) + 1)}, copy=False)
