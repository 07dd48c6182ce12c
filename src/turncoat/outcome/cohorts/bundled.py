"""The three public breast cancer cohorts that come with turncoat."""

import json
from typing import Final

from turncoat.errors import MissingKeyError, did_you_mean
from turncoat.knowledge.registry import SHELF, verified_path
from turncoat.outcome.cohorts.cohort import Cohort
from turncoat.outcome.cohorts.declaration import declaration_from
from turncoat.outcome.cohorts.read import assemble

BUNDLED_COHORTS: Final = ("gse1992", "gse3143", "gse4335")


def cohort(name: str) -> Cohort:
    """Read one of the bundled breast cancer cohorts.

    Parameters
    ----------
    name
        ``gse1992`` (UNC; relapse-free survival), ``gse4335`` (Sørlie; overall survival, no
        FOXP3) or ``gse3143`` (Bild; overall survival, no FOXP3, no PORCN).

    Returns
    -------
    Cohort
        The patients, with expression rounded to 0.02 in log2 (an error of at most 0.01,
        a tenth of the spread of the quietest gene).

    Raises
    ------
    MissingKeyError
        For another name.

    Examples
    --------
    >>> cohort("gse3143").n_events
    50
    """
    if name not in BUNDLED_COHORTS:
        raise MissingKeyError(
            f"There is no bundled cohort '{name}'. {did_you_mean(name, BUNDLED_COHORTS)}"
        )
    for table in (f"cohort_{name}", f"cohort_{name}_clinical", f"cohort_{name}_declaration"):
        verified_path(table)
    told = json.loads((SHELF / f"cohort_{name}_declaration.json").read_text(encoding="utf-8"))
    return assemble(declaration_from(told, f"cohort_{name}_declaration.json"), SHELF)
