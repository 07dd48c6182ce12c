"""A question put to a study: one level of a variable against another."""

from dataclasses import dataclass

from turncoat.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Contrast:
    """Compare ``case`` with ``reference`` in one column of the tally's ``obs``.

    Parameters
    ----------
    variable
        Column of the tally's ``obs``: ``tissue``, ``condition`` or a sample-sheet column.
    case
        The level of interest.
    reference
        The level it is compared with. Effects are case minus reference.
    block
        Column whose levels are compared only within themselves, usually ``donor``; pairs and
        partial pairs are then used as such.
    covariates
        Columns of ``obs`` to adjust for.

    Raises
    ------
    ArgumentError
        When the two levels are the same, or a column has two roles.

    Examples
    --------
    >>> Contrast("tissue", case="tLung", reference="nLung", block="donor").label
    'tissue: tLung vs nLung'
    """

    variable: str
    case: str
    reference: str
    block: str | None = None
    covariates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.case == self.reference:
            raise ArgumentError(
                f"A contrast needs two different levels of '{self.variable}'; "
                f"case and reference are both '{self.case}'."
            )
        roles = [self.variable, *([self.block] if self.block else []), *self.covariates]
        if len(set(roles)) < len(roles):
            raise ArgumentError(
                f"Each column of a contrast has one role; got variable '{self.variable}', "
                f"block '{self.block}', covariates {list(self.covariates)}."
            )

    @property
    def label(self) -> str:
        """How tables and figures call this contrast."""
        return f"{self.variable}: {self.case} vs {self.reference}"
