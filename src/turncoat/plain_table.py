"""Tables without pandas: named columns, for the way from the cells to the tally.

Loading pandas takes longer than counting 10,000 cells. What only passes columns on does without
it; whoever wants a data frame is given one.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from turncoat.tables import DTYPES, TableSchema, TextArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class PlainTable:
    """Columns of one length, of which a data frame is made when one is asked for.

    Parameters
    ----------
    index
        Name of each row; None for numbers from 0.
    columns
        The columns in order: texts as objects, numbers, flags.
    index_name
        What the rows are.
    """

    index: TextArray | None
    columns: dict[str, npt.NDArray[Any]]
    index_name: str | None = None

    @classmethod
    def of_rows(cls, schema: TableSchema, rows: list[dict[str, Any]]) -> "PlainTable":
        """Make a table of declared columns and kinds; the rows have to be of these kinds."""
        columns = {
            column.name: np.array([row[column.name] for row in rows], dtype=DTYPES[column.kind])
            for column in schema.columns
        }
        return cls(None, columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()) if self.index is None else self.index)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def frame(self) -> "pd.DataFrame":
        """Give the data frame of these columns."""
        import pandas as pd

        if self.index is None:
            return pd.DataFrame(self.columns, index=pd.RangeIndex(len(self)))
        index = pd.Index(self.index, dtype=object, name=self.index_name)
        return pd.DataFrame(self.columns, index=index)


def pack_plain(table: PlainTable, schema: TableSchema) -> dict[str, Any]:
    """Turn a plain table into what :func:`to_uns` makes of its data frame."""
    columns = {
        name: values.astype(str) if values.dtype == object else values
        for name, values in table.columns.items()
    }
    kinds = {column.name: column.kind for column in schema.columns}
    return {"columns": columns, "kinds": json.dumps(kinds), "n_rows": len(table)}


def as_frame(table: "PlainTable | pd.DataFrame") -> "pd.DataFrame":
    """Give a data frame of a table that may be one already."""
    return table.frame() if isinstance(table, PlainTable) else table


def names_of(table: "PlainTable | pd.DataFrame") -> list[str]:
    """Names of the rows of a table."""
    return [str(name) for name in (() if table.index is None else table.index)]
