"""Donors arranged for a contrast: who is compared with whom.

Labels may be exchanged only within a stratum. A donor with both arms is a stratum of two (a
pair); donors with one arm form one stratum together, so that partial pairing is used in full;
any other block (a batch, a study) is a stratum of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from turncoat.errors import DesignError
from turncoat.tables import BoolArray, IntArray

Pairing = Literal["paired", "partly paired", "unpaired", "blocked"]


@dataclass(frozen=True, slots=True)
class Units:
    """One unit per donor and arm, and the strata within which labels may be exchanged.

    Parameters
    ----------
    donors
        Donor of each unit, shape ``(n_units,)``.
    case
        Whether the unit is in the case arm, shape ``(n_units,)``.
    stratum
        Stratum number of each unit, shape ``(n_units,)``, from 0 without gaps.
    pairing
        How the units are arranged.
    """

    donors: tuple[str, ...]
    case: BoolArray
    stratum: IntArray
    pairing: Pairing

    @property
    def n_donors(self) -> int:
        """Number of distinct donors."""
        return len(set(self.donors))

    @property
    def n_case(self) -> int:
        """Units in the case arm."""
        return int(self.case.sum())

    @property
    def n_reference(self) -> int:
        """Units in the reference arm."""
        return int((~self.case).sum())

    @property
    def strata(self) -> list[IntArray]:
        """Unit numbers of each stratum."""
        return [
            np.flatnonzero(self.stratum == s) for s in range(int(self.stratum.max(initial=-1)) + 1)
        ]

    @property
    def pairs(self) -> IntArray:
        """Unit numbers of each pair, case first, shape ``(n_pairs, 2)``."""
        found = [
            (int(s[self.case[s]][0]), int(s[~self.case[s]][0]))
            for s in self.strata
            if _is_pair(self, s)
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    @property
    def groups(self) -> list[IntArray]:
        """Unit numbers of each stratum with both arms that is not a pair."""
        return [s for s in self.strata if not _is_pair(self, s) and 0 < self.case[s].sum() < s.size]

    @property
    def n_arrangements(self) -> int:
        """In how many ways the labels can be exchanged within the strata."""
        return math.prod(math.comb(s.size, int(self.case[s].sum())) for s in self.strata)

    @property
    def is_balanced(self) -> bool:
        """Whether exchanging all labels of all strata is itself an arrangement."""
        return all(2 * int(self.case[s].sum()) in (0, s.size, 2 * s.size) for s in self.strata)

    def floor(self, n_permutations: int, *, sides: Literal[1, 2] = 2) -> float:
        """Smallest p-value that this arrangement can reach with so many permutations.

        Parameters
        ----------
        n_permutations
            Permutations drawn where there are too many arrangements to enumerate.
        sides
            1 for a directional test, 2 for a two-sided one.

        Returns
        -------
        float
            1 where the labels cannot be exchanged at all.

        Examples
        --------
        >>> ten = arrange([f"d{i}" for i in range(6)] * 2, [True] * 6 + [False] * 6, block="donor")
        >>> ten.pairing, ten.floor(9999)
        ('paired', 0.03125)
        """
        least = 2 if sides == 2 and self.is_balanced else 1
        return min(1.0, max(least / self.n_arrangements, 1 / (n_permutations + 1)))

    def take(self, keep: BoolArray) -> "Units":
        """Arrange those units alone; a pair that loses one unit joins the single donors."""
        donors = [donor for donor, yes in zip(self.donors, keep, strict=True) if yes]
        if self.pairing == "blocked":
            return arrange(donors, self.case[keep], block=[str(s) for s in self.stratum[keep]])
        block = None if self.pairing == "unpaired" else "donor"
        return arrange(donors, self.case[keep], block=block)


def _is_pair(units: Units, stratum: IntArray) -> bool:
    if stratum.size != 2 or units.case[stratum].sum() != 1:
        return False
    return units.donors[stratum[0]] == units.donors[stratum[1]] or units.pairing == "blocked"


def arrange(
    donors: Sequence[str],
    case: Sequence[bool] | BoolArray,
    *,
    block: Sequence[str] | Literal["donor"] | None = None,
) -> Units:
    """Arrange one unit per donor and arm for a test.

    Parameters
    ----------
    donors
        Donor of each unit.
    case
        Whether the unit belongs to the case arm.
    block
        ``"donor"`` to compare donors with themselves where they have both arms; a block label
        per unit (batch, study) to compare only within blocks; None to compare all with all.

    Returns
    -------
    Units
        The arrangement.

    Raises
    ------
    DesignError
        When a donor occurs twice in one arm, or in both arms of an unpaired contrast.

    Examples
    --------
    >>> arrange(["a", "a", "b", "c"], [True, False, True, False], block="donor").pairing
    'partly paired'
    """
    names = tuple(str(donor) for donor in donors)
    arm = np.asarray(case, dtype=bool)
    keys = list(zip(names, arm.tolist(), strict=True))
    repeated = sorted({donor for donor, side in keys if keys.count((donor, side)) > 1})
    if repeated:
        raise DesignError(
            f"Each donor should have one value per arm; donor '{repeated[0]}' has several. "
            "Add up the samples of a donor within an arm first."
        )
    both = _in_both_arms(keys)
    if block is None:
        if both:
            raise DesignError(
                f"Donor '{both[0]}' has samples in both arms of an unpaired contrast "
                f"({len(both)} such donors). Set block='donor' to compare donors with themselves."
            )
        return Units(names, arm, np.zeros(arm.size, dtype=np.int64), "unpaired")
    if block == "donor":
        return _arrange_pairs(names, arm, both)
    labels = list(dict.fromkeys(str(label) for label in block))
    stratum = np.array([labels.index(str(label)) for label in block], dtype=np.int64)
    return Units(names, arm, stratum, "blocked")


def _in_both_arms(keys: list[tuple[str, bool]]) -> list[str]:
    seen = set(keys)
    return sorted({donor for donor, _ in keys if {(donor, True), (donor, False)} <= seen})


def _arrange_pairs(names: tuple[str, ...], arm: BoolArray, both: list[str]) -> Units:
    number = {donor: rank for rank, donor in enumerate(both)}
    stratum = np.array([number.get(donor, len(both)) for donor in names], dtype=np.int64)
    singles = int((stratum == len(both)).sum())
    pairing: Pairing = "unpaired" if not both else "partly paired" if singles else "paired"
    return Units(names, arm, stratum, pairing)
