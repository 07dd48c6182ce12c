"""Every table of tests says: tested or not and why, the effect with its unit, interval, donors, p floor."""

import pytest

from turncoat.allegiance.genes_result import Genes
from turncoat.allegiance.pool import PooledAllegiance
from turncoat.allegiance.result import Allegiance
from turncoat.allegiance.substates_result import Substates
from turncoat.crosstalk.result import Crosstalk
from turncoat.niche.result import Abundance, Niche
from turncoat.tables import TableSchema

TESTED: dict[str, tuple[TableSchema, str]] = {
    "allegiance": (Allegiance.table_schema, "anti_shift"),
    "genes": (Genes.table_schema, "shift"),
    "pool": (PooledAllegiance.table_schema, "shift"),
    "abundance": (Abundance.table_schema, "shift"),
    "niche changes": (Niche.changes_schema, "shift"),
    "niche organs": (Niche.organs_schema, "shift"),
    "niche openness": (Niche.openness_schema, "shift"),
    "crosstalk": (Crosstalk.table_schema, "change"),
    "sub-states, how common": (Substates.abundance_schema, "shift"),
}


@pytest.mark.parametrize("table", TESTED)
def test_a_table_of_tests_says_all_that_its_reader_needs(table: str) -> None:
    schema, effect = TESTED[table]
    columns = {column.name: column for column in schema.columns}
    assert {"status", "reason", "pvalue", "qvalue"} <= set(columns)
    assert columns[effect].unit.startswith("log2")
    prefix = effect.removesuffix("shift") if effect.endswith("_shift") else ""
    assert {f"{prefix}lower", f"{prefix}upper"} <= set(columns)
    assert {"n_donors"} <= set(columns) or {"n_case", "n_reference"} <= set(columns)
    assert {"p_floor", "permutation_floor"} & set(columns)


def test_states_and_their_sides_say_the_same_in_their_own_units() -> None:
    for schema, effect, donors in (
        (Substates.table_schema, "separation", "n_held_out"),
        (Substates.sides_schema, "duty", "n_donors"),
    ):
        columns = {column.name: column for column in schema.columns}
        assert {"status", "reason", "pvalue", "qvalue", "p_floor", donors} <= set(columns)
        assert columns[effect].unit.startswith("log")
        prefix = "duty_" if effect == "duty" else ""
        assert {f"{prefix}lower", f"{prefix}upper"} <= set(columns)
