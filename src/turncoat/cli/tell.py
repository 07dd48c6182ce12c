"""What a check found, as tables to be read in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from turncoat.study import StudyCheck
    from turncoat.tables import TableSchema

#: Columns of a terminal that is not one: a file or a pipe has no width to keep to.
PIPE_WIDTH = 160


def tell_check(found: "StudyCheck") -> None:
    """Print the design, what is unusual, and what cannot be shown."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    console.print(f"\n[bold]{_plain(found.title)}[/bold]")
    console.print(
        f"{found.n_donors} donors, {found.n_samples} samples, {found.n_cells:,} cells, "
        f"{found.n_genes:,} genes, {found.species}"
    )
    if found.descriptive:
        console.print("[bold]Description only:[/bold] nothing can be tested with these donors.")
    overall = found.contrasts[found.contrasts["population"] == ""].drop(columns="population")
    _print(console, "What can be compared", overall, found.contrasts_schema)
    _print(console, "Design", _by_tissue(found.design))
    _print(console, "Cells per population", _wide(found.populations))
    _print(console, "Left out or merged", found.dropped)
    _print(console, "Unusual", found.problems, found.problems_schema)
    if found.limits:
        console.print("\n[bold]What this design cannot show[/bold]")
        for limit in found.limits:
            console.print(f"  • {_plain(limit)}")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _by_tissue(design: pd.DataFrame) -> pd.DataFrame:
    groups = design.groupby(["tissue", "condition"], sort=True, as_index=False)
    return groups.agg(
        donors=("donor", "nunique"), samples=("n_samples", "sum"), cells=("n_cells", "sum")
    )


def _wide(populations: pd.DataFrame) -> pd.DataFrame:
    wide = populations.pivot_table(
        index="population", columns="tissue", values="n_cells", aggfunc="sum", fill_value=0
    )
    return wide.reset_index()


def _print(
    console: Console, title: str, frame: pd.DataFrame, schema: "TableSchema | None" = None
) -> None:
    if frame.empty:
        return
    units = {column.name: column.unit for column in schema.columns} if schema else {}
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None)
    for name in frame.columns:
        unit = units.get(str(name), "")
        head = str(name).replace("_", " ") + (f" ({unit})" if unit else "")
        numeric = pd.api.types.is_numeric_dtype(frame[name])
        table.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*_texts(row))
    console.print(table)


def _texts(row: Sequence[object]) -> list[str]:
    from turncoat.report.cells import cell_of

    return [_plain(cell_of(value).text) for value in row]
