"""The template: every attribute, two contacts, and nothing that has to be corrected."""

from pathlib import Path

import pytest

from contactfold.domain.schema import TYPES, Attribute, Schema, default_schema
from contactfold.tables.options import Options
from contactfold.tables.proposing import propose
from contactfold.tables.reading import Table
from contactfold.tables.rows import Plan, understand_row
from contactfold.tables.template import make_template


def every_type() -> Schema:
    def make(place: int, kind: str) -> Attribute:
        choices = {"basic": "basic", "gold": "gold"} if kind == "choice" else {}
        return Attribute(f"a_{kind}", f"A {kind}", kind, choices=choices, channel="x" if place % 2 else None)

    return Schema(tuple(make(place, kind) for place, kind in enumerate(TYPES)))


@pytest.mark.parametrize("schema", [default_schema(), default_schema("DE"), every_type()], ids=["plain", "de", "types"])
def test_a_template_is_imported_as_it_is_and_as_two_contacts(tmp_path: Path, schema: Schema) -> None:
    path = tmp_path / "template.csv"
    path.write_bytes(make_template(schema))
    proposal = propose(path, Options(), schema)
    assert (proposal.faults, proposal.notes, proposal.left_out, proposal.options.split) == ([], [], [], {})
    with Table.open(path, proposal.options) as table:
        assert table.columns == [attribute.key for attribute in schema.attributes]
        plan = Plan(table.columns, proposal.options, schema)
        assert {one.how for one in plan.columns} == {"exact"}
        one, other = (understand_row(plan.event(row, "i", 0), schema) for row in table.rows())
    for statement in (one, other):
        assert (statement.faults, statement.remarks, statement.ignored_fields) == ((), (), ())
        assert set(statement.values) == set(schema.by_key)
    assert not set(one.identifiers) & set(other.identifiers)
