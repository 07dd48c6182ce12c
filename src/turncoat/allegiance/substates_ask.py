"""What is asked of a state, and of whom: donors and genes that had no say in making it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from turncoat.allegiance.halves import MIN_CELLS, States, donor_differences
from turncoat.allegiance.substates_flips import MIN_ALL, MIN_EACH
from turncoat.errors import DesignError
from turncoat.stats.compare import Donors, compare
from turncoat.stats.composition import HALF_CELL
from turncoat.stats.contrast import Contrast
from turncoat.stats.design import covariate_columns
from turncoat.stats.laws import student_quantile
from turncoat.stats.permutation import N_PERMUTATIONS
from turncoat.stats.units import Units, arrange
from turncoat.tables import BoolArray, FloatArray, IntArray

NAN = float("nan")
#: Donors of each half with enough cells, and held-out donors for likening a state to known ones.
MIN_DONORS = 4
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

    def differences(self) -> tuple[FloatArray, FloatArray]:
        """State minus rest of every gene per held-out donor, and how many cells say so.

        Returns
        -------
        tuple
            Differences, shape ``(n_donors, n_genes)``, and effective cells: half the harmonic mean
            of those inside and outside.
        """
        tested, inside = self.held_out, self.inside
        names, each = donor_differences(self.left[tested], inside[tested], self.donors[tested])
        own = [tested & (self.donors == donor) for donor in names]
        cells = [1 / (1 / (one & inside).sum() + 1 / (one & ~inside).sum()) for one in own]
        return each, np.array(cells, dtype=float)


def separation(
    asked: Asked, each: FloatArray, cells: FloatArray, pvalues: FloatArray
) -> dict[str, Any]:
    """Say how far a state's markers are up in held-out donors, against controls of like level.

    Parameters
    ----------
    asked
        The state.
    each
        State minus rest of every gene per held-out donor.
    cells
        How many cells say so.
    pvalues
        Alone, adjusted, and the smallest that its donors can reach: see
        :mod:`turncoat.allegiance.substates_flips`.
    """
    row: dict[str, Any] = {
        "share": float(asked.inside.mean()),
        "n_held_out": len(each),
        **dict.fromkeys(("separation", "lower", "upper"), NAN),
        "pvalue": float(pvalues[0]),
        "adjusted": float(pvalues[1]),
        "p_floor": float(pvalues[2]),
        "status": "tested",
        "reason": "",
    }
    if len(each) >= 2:
        markers, controls = asked.states.markers, asked.states.controls
        above = each[:, markers[asked.state]].mean(axis=1)
        above -= each[:, controls[asked.state].ravel()].mean(axis=1)
        # A donor without the state still has cells that were taken for it: few, which count less.
        row["separation"], row["lower"], row["upper"] = mean_interval(above, LEVEL, cells)
    if np.isnan(pvalues[0]):
        row |= {"status": "not_testable", "p_floor": NAN}
        row["reason"] = (
            f"{len(each)} held-out donors have cells of both kinds; {MIN_EACH} are needed in each "
            f"half, and {MIN_ALL} in all"
        )
    return row


def in_pairs(n_donors: int) -> Units:
    """Arrange differences and as many zeros as pairs: each donor against itself."""
    names = [f"{number:06}" for number in range(n_donors)]
    return arrange(names * 2, [True] * n_donors + [False] * n_donors, block="donor")


def mean_interval(
    values: FloatArray, level: float, weights: FloatArray | None = None
) -> tuple[float, float, float]:
    """Give the donors' mean, weighted or not, with its Student interval."""
    given = np.ones(len(values)) if weights is None else weights
    share = given / given.sum()
    mean = float(share @ values)
    n = len(values)
    error = float(np.sqrt((share**2 * (values - mean) ** 2).sum() * n / (n - 1)))
    reach = student_quantile(1 - level / 2, len(values) - 1) * error
    return mean, mean - reach, mean + reach


def liken(
    asked: Asked,
    each: FloatArray,
    cells: FloatArray,
    genes: Mapping[str, int],
    known: Mapping[str, Sequence[str]],
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
        mean, lower, upper = mean_interval(each[:, own].mean(axis=1), LEVEL / len(usable), cells)
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


def refusal(contrast: Contrast, tissue: str, reason: str) -> dict[str, Any]:
    """Say why nobody is asked how common a state is."""
    counted = dict.fromkeys(("n_case", "n_reference", "seen_case", "seen_reference"), 0)
    numbers = dict.fromkeys(("shift", "lower", "upper", "pvalue", "p_floor"), NAN)
    row = {"contrast": contrast.label, "tissue": tissue, "statement": ""}
    return row | {"status": "abstained", "reason": reason} | counted | numbers


def tissues_of(obs: pd.DataFrame, contrast: Contrast) -> list[str]:
    """List the tissues in which both arms have cells; one empty name where tissues are the arms."""
    if contrast.variable == "tissue" or "tissue" not in obs:
        return [""]
    arms = pd.crosstab(obs["tissue"].astype(str), obs[contrast.variable].astype(str))
    both = arms.reindex(columns=[contrast.case, contrast.reference]).fillna(0)
    return [str(name) for name in both.index[(both > 0).all(axis=1)]] or [""]


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
