"""What is asked of a state, and of whom: donors and genes that had no say in making it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats as distributions

from turncoat.allegiance.halves import MIN_CELLS, States, donor_differences
from turncoat.allegiance.programmes import Programme
from turncoat.allegiance.scores import gene_levels, log_rates
from turncoat.errors import DesignError
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import HALF_CELL
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import covariate_columns
from turncoat.stats.permutation import N_PERMUTATIONS, permute
from turncoat.stats.units import Units, arrange
from turncoat.tables import BoolArray, FloatArray, IntArray

NAN = float("nan")
#: Held-out donors needed: with fewer no one-sided p-value falls below 0.05.
MIN_DONORS = 5
#: Donors needed for a two-sided question about all donors, for the same reason.
MIN_BOTH = 6
#: Donors needed in each arm of a contrast, as everywhere in the house.
MIN_SIDE = 3
#: Markers of a known state that must be left to be asked.
MIN_KNOWN = 2
#: A known set of markers names a state only where it is up at least this part as much as the
#: state's own markers: less is a family likeness.
NEAR = 0.25
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """One state, and everything that may be asked of it.

    Parameters
    ----------
    left
        Centred levels of the asked genes and cells, shape ``(n_cells, n_genes)``.
    donors
        Donor number of each cell.
    states
        The states of one half.
    state
        Which of them.
    held_out
        Cells of the donors that did not make the states.
    free
        Genes that did not make the states, shape ``(n_genes,)``.
    """

    left: FloatArray
    donors: IntArray
    states: States
    state: int
    held_out: BoolArray
    free: BoolArray

    @property
    def inside(self) -> BoolArray:
        """Which cells are of the state."""
        return np.asarray(self.states.assigned == self.state)

    def differences(self) -> FloatArray:
        """State minus rest of every gene per held-out donor, shape ``(n_donors, n_genes)``."""
        tested = self.held_out
        return donor_differences(self.left[tested], self.inside[tested], self.donors[tested])[1]


def separation(asked: Asked, each: FloatArray) -> dict[str, Any]:
    """Ask whether a state's markers are up in held-out donors, against controls of like level."""
    row: dict[str, Any] = {
        "share": float(asked.inside.mean()),
        "n_held_out": len(each),
        **dict.fromkeys(("separation", "lower", "upper", "pvalue"), NAN),
        "status": "not_testable",
        "reason": f"{len(each)} held-out donors have cells of both kinds; {MIN_DONORS} are needed",
    }
    if len(each) < 2:
        return row
    markers, controls = (one[asked.state] for one in (asked.states.markers, asked.states.controls))
    above = each[:, markers].mean(axis=1) - each[:, controls.ravel()].mean(axis=1)
    row["separation"], row["lower"], row["upper"] = _interval(above, LEVEL)
    if len(each) < MIN_DONORS:
        return row
    flat = np.concatenate([above, np.zeros(len(above))])[:, np.newaxis]
    pvalue = float(permute(flat, _pairs(len(above))).pvalue_greater()[0])
    return row | {"status": "tested", "reason": "", "pvalue": pvalue}


def _pairs(n_donors: int) -> Units:
    names = [f"{number:06}" for number in range(n_donors)]
    return arrange(names * 2, [True] * n_donors + [False] * n_donors, block="donor")


def _interval(values: FloatArray, level: float) -> tuple[float, float, float]:
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    reach = float(distributions.t.ppf(1 - level / 2, len(values) - 1)) * error
    return mean, mean - reach, mean + reach


def liken(
    asked: Asked, each: FloatArray, genes: Mapping[str, int], known: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Ask how far the markers of known states are up, by held-out donors and genes alone."""
    if len(each) < MIN_DONORS:
        return []
    usable = {
        name: [genes[g] for g in wanted if g in genes and asked.free[genes[g]]]
        for name, wanted in known.items()
    }
    usable = {name: own for name, own in usable.items() if len(own) >= MIN_KNOWN}
    rows = []
    for name, own in usable.items():
        # Bonferroni: the intervals hold all together.
        mean, lower, upper = _interval(each[:, own].mean(axis=1), LEVEL / len(usable))
        rows.append(
            {
                "known": name,
                "n_genes": len(own),
                "difference": mean,
                "lower": lower,
                "upper": upper,
            }
        )
    return rows


def nearest_known(rows: list[dict[str, Any]], least: float) -> str:
    """Name the known set that is up the most, where it is surely up, and by enough."""
    up = [row for row in rows if row["lower"] > 0 and row["difference"] >= NEAR * least]
    return max(up, key=lambda row: row["difference"])["known"] if up else ""


def side(
    counts: FloatArray,
    asked: Asked,
    axes: tuple[Programme, Programme] | None,
    making: IntArray,
) -> dict[str, Any]:
    """Set a state's duty and harm against the rest of its population, donor by donor.

    Programme genes make no state, so every donor may answer.

    Parameters
    ----------
    counts
        Raw counts of all genes, shape ``(n_cells, n_all)``.
    asked
        The state.
    axes
        Both programmes; None where none is known.
    making
        Genes (of all) that made the states: they may not serve as controls.
    """
    ends = ("", "_lower", "_upper")
    row: dict[str, Any] = {"side": "not shown", "n_donors": 0, "status": "abstained"}
    row |= {f"{axis}{end}": NAN for axis in ("duty", "harm") for end in ends} | {"pvalue": NAN}
    scored = [axis for axis in axes or () if not axis.refusal]
    if not axes or not scored:
        why = "; ".join(axis.refusal for axis in axes or ()) or "no programme is known"
        return row | {"reason": why}
    sums, n_donors = _sums(counts, asked.inside, asked.donors)
    if n_donors < MIN_BOTH:
        why = f"{n_donors} donors have cells of the state and of the rest; {MIN_BOTH} are needed"
        return row | {"status": "not_testable", "reason": why, "n_donors": n_donors}
    excluded = np.union1d(np.concatenate([axis.genes for axis in axes]), making)
    logged = log_rates(sums)
    signs = {axes[0].axis: -1.0, axes[1].axis: 1.0}
    names = {axes[0].axis: "duty", axes[1].axis: "harm"}
    balance = np.zeros(n_donors)
    for axis in scored:
        scores = gene_levels(logged, axis, excluded).scores
        difference = scores[:n_donors] - scores[n_donors:]
        balance += signs[axis.axis] * difference
        found = _interval(difference, LEVEL)
        row |= dict(zip([f"{names[axis.axis]}{end}" for end in ends], found, strict=True))
    flat = np.concatenate([balance, np.zeros(n_donors)])[:, np.newaxis]
    pvalue = float(permute(flat, _pairs(n_donors)).pvalue()[0])
    refused = "; ".join(axis.refusal for axis in axes if axis.refusal)
    row |= {"status": "tested", "reason": refused, "n_donors": n_donors, "pvalue": pvalue}
    return row | {"side": "pro-tumour" if balance.mean() > 0 else "anti-tumour"}


def _sums(counts: FloatArray, inside: BoolArray, donors: IntArray) -> tuple[FloatArray, int]:
    """Sum counts inside the state, then outside, of each donor with cells of both."""
    rows: list[FloatArray] = []
    for part in (inside, ~inside):
        for donor in np.unique(donors):
            own = donors == donor
            if min((own & inside).sum(), (own & ~inside).sum()) >= MIN_CELLS:
                rows.append(counts[own & part].sum(axis=0))
    return np.array(rows).reshape(len(rows), counts.shape[1]).astype(float), len(rows) // 2


def how_common(
    obs: pd.DataFrame, inside: BoolArray, contrast: Contrast, tissue: str, *, seed: int
) -> dict[str, Any]:
    """Compare how common a state is within its population between the arms of a contrast.

    The states know nothing of the arms, so every donor may answer.

    Parameters
    ----------
    obs
        Columns donor, the contrast's own, and tissue where one is named.
    inside
        Cells of the state.
    contrast
        What is compared.
    tissue
        Tissue to stay within; empty for all.
    seed
        Fixes sampled permutations.
    """
    row: dict[str, Any] = {"contrast": contrast.label, "tissue": tissue, "statement": ""}
    row |= dict.fromkeys(("shift", "lower", "upper", "pvalue", "p_floor"), NAN)
    table = _per_arm(obs, inside, contrast, tissue)
    case = table["case"].to_numpy(dtype=bool)
    seen = table["within"].to_numpy() >= MIN_CELLS
    row |= {"n_case": int(case.sum()), "n_reference": int((~case).sum())}
    row |= {"seen_case": int(seen[case].sum()), "seen_reference": int(seen[~case].sum())}
    if min(row["n_case"], row["n_reference"]) < MIN_SIDE:
        why = f"{row['n_case']} donors against {row['n_reference']}; {MIN_SIDE} a side are needed"
        return row | {"status": "not_testable", "reason": why}
    odds = (table["within"] + HALF_CELL) / (table["without"] + HALF_CELL)
    values = np.log2(odds.to_numpy(dtype=float))[:, np.newaxis]
    try:
        units = _arranged(table, contrast)
        columns = covariate_columns(table, contrast.covariates, units)
        permuted, found = compare(values, Donors(units, np.ones(len(values)), columns), seed=seed)
    except DesignError as error:
        return row | {"status": "not_testable", "reason": str(error)}
    low, high = found.interval()
    return row | {
        "status": "tested",
        "reason": "",
        "shift": float(found.effect[0]),
        "lower": float(low[0]),
        "upper": float(high[0]),
        "pvalue": float(permuted.pvalue()[0]),
        "p_floor": units.floor(N_PERMUTATIONS),
    }


def _arranged(table: pd.DataFrame, contrast: Contrast) -> Units:
    donors, case = list(table["donor"]), table["case"].to_numpy(dtype=bool)
    if contrast.block in (None, "donor"):
        return arrange(donors, case, block="donor" if contrast.block else None)
    return arrange(donors, case, block=list(table[contrast.block].astype(str)))


def _per_arm(obs: pd.DataFrame, inside: BoolArray, contrast: Contrast, tissue: str) -> pd.DataFrame:
    level = obs[contrast.variable].astype(str)
    chosen = level.isin([contrast.case, contrast.reference]).to_numpy()
    if tissue:
        chosen &= (obs["tissue"].astype(str) == tissue).to_numpy()
    extra = [name for name in (contrast.block, *contrast.covariates) if name not in (None, "donor")]
    part = obs.loc[chosen, ["donor", *extra]].assign(
        case=(level == contrast.case).to_numpy()[chosen],
        within=inside[chosen].astype(int),
        without=(~inside[chosen]).astype(int),
    )
    grouped = part.groupby(["donor", "case"], sort=True, observed=True)
    table = grouped.agg(
        {"within": "sum", "without": "sum", **dict.fromkeys(extra, "first")}
    ).reset_index()
    # A donor whose arm holds next to no cell of the population says nothing of its states.
    return table[table["within"] + table["without"] >= MIN_CELLS].reset_index(drop=True)


def statement(row: Mapping[str, Any], contrast: Contrast, fdr: float) -> str:
    """Put a tested abundance into words: "only in" needs an arm in which nobody has the state."""
    if not row["qvalue"] <= fdr:
        return "no difference shown"
    more, less = ("case", "reference") if row["shift"] > 0 else ("reference", "case")
    arms = {"case": contrast.case, "reference": contrast.reference}
    seen = f"{row[f'seen_{more}']} of {row[f'n_{more}']} donors"
    other = f"{row[f'seen_{less}']} of {row[f'n_{less}']}"
    if row[f"seen_{less}"] == 0:
        return f"only in {arms[more]}: {seen}, none of {row[f'n_{less}']} in {arms[less]}"
    return f"commoner in {arms[more]}: seen in {seen}, {other} in {arms[less]}"
