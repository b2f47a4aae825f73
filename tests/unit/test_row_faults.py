"""What whoever cut a file found wrong with a row (`import.faults`), as the log carries it."""

import json
from typing import Any

import pytest

from contactfold.domain.schema import default_schema
from contactfold.ports import LogRecord
from contactfold.wire import read_event, read_record

SCHEMA = default_schema()
RAGGED = {"code": "malformed_row", "message": "The row has 5 cells, the header 3."}
MISSING = {"code": "missing_field", "message": "Missing mandatory field: city.", "field": "city", "position": None}


def understand(row: Any, values: Any) -> Any:
    event = {"id": "i/3", "source": "crm", "values": values, "import": row}
    return read_record(LogRecord("contactfold.imports/0", 0, None, json.dumps(event).encode(), (), 0), SCHEMA)


def row(*faults: object) -> dict[str, object]:
    return {"id": "i", "row": 3, "faults": list(faults)}


@pytest.mark.parametrize(
    ("given", "values", "codes"),
    [
        (row(), {"email": "ann@example.com"}, []),
        (row(RAGGED), {}, ["malformed_row"]),
        (row(RAGGED), {"email": "ann@example.com"}, ["malformed_row"]),
        (row(MISSING), {"email": "ann@example.com"}, ["missing_field"]),
        (row(MISSING), {"first_name": "Ann"}, ["missing_field", "no_identifier"]),
        (row(MISSING), {"email": "nobody"}, ["missing_field", "invalid_email"]),
        (row({"code": "invalid_email", "message": "No.", "field": "email"}), {"first_name": "Ann"}, ["invalid_email"]),
    ],
    ids=repr,
)
def test_a_row_is_refused_for_what_its_file_showed_and_for_what_its_values_show(
    given: dict[str, object], values: dict[str, object], codes: list[str]
) -> None:
    statement = understand(given, values)
    assert [fault.code for fault in statement.faults] == codes
    assert statement.import_row == ("i", 3)


@pytest.mark.parametrize("faults", [7, {}, "x", [7], [{}], [{"code": 1, "message": "No."}], [{"code": "a"}]], ids=repr)
def test_faults_of_another_shape_are_a_fault_themselves(faults: object) -> None:
    statement = understand({"id": "i", "row": 3, "faults": faults}, {"email": "ann@example.com"})
    assert [(fault.code, fault.field) for fault in statement.faults] == [("invalid_field", "import")]


def test_no_door_for_events_takes_them() -> None:
    event = {"values": {"email": "ann@example.com"}, "import": row(RAGGED)}
    codes = [fault.code for fault in read_event(event, SCHEMA, source="crm", id="1", received_at=0).faults]
    assert "invalid_field" in codes
