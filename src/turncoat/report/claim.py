"""A claim: one sentence of finding, and the rungs of evidence that it stands on."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from turncoat.errors import ArgumentError

#: From the weakest kind of evidence to the strongest; a ladder, not a sum.
Rung = Literal["expression", "state", "edge", "response", "niche", "outcome", "perturbation"]
RUNGS: tuple[Rung, ...] = get_args(Rung)

#: What one rung says of the claim.
Bearing = Literal["supports", "contradicts", "open"]

#: Towards the tumour's good or the patient's, or neither.
Direction = Literal["pro-tumour", "anti-tumour", "neither", "unknown"]

Grade = Literal["strong", "moderate", "weak", "open", "contradicted"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rung of a claim's ladder.

    Parameters
    ----------
    rung
        What kind of evidence it is.
    bearing
        Whether it supports the claim, contradicts it, or leaves it open.
    direction
        Whom the effect serves.
    effect
        Size of the effect; NaN where not estimated.
    unit
        Unit of the effect, as a reader should see it.
    low, high
        Ends of the 95 % interval; NaN where there is none.
    pvalue, qvalue
        Of the donor-level test; NaN where it was not made.
    n_donors
        Donors (or patients) that the effect rests on.
    n_cohorts
        Studies or cohorts that it rests on.
    table
        Name of the finding's table, a file under ``findings/``.
    row
        The key of the row in that table.
    note
        What a reader must know to weigh it.
    """

    rung: Rung
    bearing: Bearing
    direction: Direction
    effect: float
    unit: str
    low: float
    high: float
    pvalue: float
    qvalue: float
    n_donors: int
    n_cohorts: int
    table: str
    row: Mapping[str, str]
    note: str = ""

    def __post_init__(self) -> None:
        if self.rung not in RUNGS:
            raise ArgumentError(f"A rung is one of {list(RUNGS)}; got '{self.rung}'.")
        if self.bearing not in get_args(Bearing):
            raise ArgumentError(
                f"A bearing is one of {list(get_args(Bearing))}; got '{self.bearing}'."
            )


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of finding.

    Parameters
    ----------
    identifier
        Stable name: ``room/contrast/subject``. Claims of the same name join their rungs.
    sentence
        The finding for researchers, one sentence.
    plain
        The same for a reader without training, one or two short sentences, no symbols.
    contrast
        The comparison it is about, as its label reads; empty for none.
    subject
        The population, edge, organ or drug it is about.
    verdict
        The room's own word for what was found.
    evidence
        The rungs, weakest kind first.
    falsified_by
        What observation would overturn it.
    populations
        The populations it is about, as the data name them; empty for none.
    """

    identifier: str
    sentence: str
    plain: str
    contrast: str
    subject: str
    verdict: str
    evidence: tuple[Evidence, ...]
    falsified_by: str
    populations: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        """How far up the ladder the claim is held.

        ``strong`` needs three supporting rungs, one of them an outcome or a perturbation;
        ``moderate`` two supporting rungs, or one that holds in two cohorts; ``weak`` one. A
        contradicting rung outweighs them all: a ladder with a broken rung is not climbed.
        """
        if any(rung.bearing == "contradicts" for rung in self.evidence):
            return "contradicted"
        held = [rung for rung in self.evidence if rung.bearing == "supports"]
        kinds = {rung.rung for rung in held}
        if len(kinds) >= 3 and kinds & {"outcome", "perturbation"}:
            return "strong"
        if len(kinds) >= 2 or any(rung.n_cohorts >= 2 for rung in held):
            return "moderate"
        return "weak" if held else "open"

    def to_json(self) -> dict[str, Any]:
        """Turn the claim into what JSON can hold; numbers that were not computed are null."""
        fields: dict[str, Any] = {
            **dataclasses.asdict(self),
            "grade": self.grade,
            "evidence": [dataclasses.asdict(rung) for rung in self.evidence],
        }
        return {key: _nulls(value) for key, value in fields.items()}


def _nulls(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _nulls(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nulls(item) for item in value]
    return value


def join_claims(claims: Iterable[Claim]) -> list[Claim]:
    """Join claims of the same identifier into one ladder, in order of first appearance."""
    joined: dict[str, Claim] = {}
    for claim in claims:
        earlier = joined.get(claim.identifier)
        if earlier is None:
            joined[claim.identifier] = claim
            continue
        rungs = sorted((*earlier.evidence, *claim.evidence), key=lambda e: RUNGS.index(e.rung))
        joined[claim.identifier] = dataclasses.replace(earlier, evidence=tuple(rungs))
    return list(joined.values())
