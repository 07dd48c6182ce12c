"""What a sum of counts can be."""

from turncoat.errors import CountsError
from turncoat.tables import FloatArray


def not_negative(values: FloatArray, name: str) -> FloatArray:
    """Hand on a layer's values, or refuse those that no sum of counts can have.

    Raises
    ------
    CountsError
        When a value is negative or missing.
    """
    if values.size and not values.min() >= 0:
        raise CountsError(
            f"The tally's layer '{name}' holds negative or missing values, which sums of counts "
            "cannot be. Make the tally from raw counts with turncoat.pp.tally."
        )
    return values
