"""Files and options that are meant to cost time or memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contactfold.domain.schema import Schema
from contactfold.tables.cells import clean_cell, guard_cell
from contactfold.tables.options import Options, read_options
from contactfold.tables.proposing import propose, take_sample
from contactfold.tables.reading import NotATable, Table, name_columns
from contactfold.tables.rows import Plan

Write = Callable[[str | bytes], Path]

pytestmark = pytest.mark.timeout(60)


def test_a_header_of_one_name_many_times_is_named_at_once() -> None:
    names = name_columns(["a"] * 16_384)
    assert (names[:3], names[-1], len(set(names))) == (["a", "a (2)", "a (3)"], "a (16384)", 16_384)


def test_more_columns_than_a_spreadsheet_has_are_refused(written: Write) -> None:
    with pytest.raises(NotATable, match="more than 16384 columns"):
        Table.open(written("," * 16_384 + "x\n"), Options())


def test_many_options_about_columns_that_are_not_there_are_refused_in_good_time(schema: Schema) -> None:
    columns = ["email", *(f"column {place}" for place in range(16_000))]
    options = read_options({"mapping": {f"colunm {place}": "email" for place in range(20_000)}}, schema)
    faults = Plan(columns, options, schema).faults
    assert len(faults) == 20
    assert "did you mean column" in faults[0].message


def test_cells_that_are_nearly_addresses_for_ever_are_looked_at_in_good_time(schema: Schema, written: Write) -> None:
    cell = "a@" + "." * 100_000 + ";" + "b@" + "." * 20_000 + "@"
    path = written("email,date_of_birth\n" + f"{cell},{'1' * 100_000}\n" * 5)
    proposal = propose(path, Options(), schema)
    assert proposal.options.split == {}


def test_wide_rows_are_not_all_kept_for_a_proposal(schema: Schema, written: Write) -> None:
    wide = ",".join(["x"] * 10_000)
    path = written(f"email{',' * 9_999}\n" + f"{wide}\n" * 300)
    with Table.open(path, Options()) as table:
        assert 50 < len(take_sample(table)) < 300
    assert propose(path, Options(), schema).options.mapping["email"] == "email"


def test_a_cell_longer_than_any_value_is_a_fault_of_its_row(schema: Schema, written: Write) -> None:
    path = written("email,name\n" + "x" * 200_000 + ",Ann\nb@b.co,Bob\n")
    with Table.open(path, Options()) as table:
        assert [row.fault is None for row in table.rows()] == [False, True]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(A1)"])
def test_what_any_spreadsheet_takes_for_a_formula_is_guarded_and_comes_back(text: str) -> None:
    assert guard_cell(text) == f"'{text}"
    assert clean_cell(guard_cell(text)) == text
