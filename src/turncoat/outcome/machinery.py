"""A second opinion on every reported fit, from lifelines."""

from typing import Final

import numpy as np
import pandas as pd

from turncoat.errors import ModelError
from turncoat.outcome.asking import Asked

#: Largest difference in a log hazard ratio, in its standard errors.
AGREEMENT: Final = 1e-3


def check_against_lifelines(asked: Asked) -> None:
    """Refit every unpenalised adjusted model with lifelines and compare.

    Raises
    ------
    ModelError
        When the two disagree: then neither should be believed.
    """
    from lifelines import CoxPHFitter

    for stratum, model in asked.models.items():
        effect = asked.effects[stratum, "adjusted"]
        if effect.method != "Cox":
            continue
        patients = model.patients
        columns = {f"x{k}": patients.covariates[:, k] for k in range(len(patients.names))}
        table = pd.DataFrame(
            {
                **columns,
                "score": patients.score,
                "time": patients.time,
                "event": patients.event,
                "stratum": model.strata,
            }
        )
        fitted = CoxPHFitter().fit(table, "time", "event", strata=["stratum"])
        difference = abs(float(fitted.params_["score"]) - effect.log_hr) / effect.se
        if not difference < AGREEMENT:
            raise ModelError(
                f"Cohort '{asked.cohort.name}', signature '{asked.signature.name}', {stratum}: lifelines "
                f"finds a log hazard ratio of {np.round(fitted.params_['score'], 4)}, turncoat "
                f"{effect.log_hr:.4f}. Neither is reported; please tell the developers."
            )
