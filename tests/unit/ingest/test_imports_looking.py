"""What a file suggests that nobody asked for, and that is told because it is not done."""

from pathlib import Path

from contactfold.config import load_config
from contactfold.tables.options import read_options
from contactfold_ingest.imports.looking import FILE, look

SCHEMA = load_config(None).contact_schema

TEXT = """\
email,labels,date_of_birth
ann@example.com;ann@work.example,a,13/02/1990
bob@example.com;bob@work.example,b,01/02/1990
cy@example.com;cy@work.example,c,02/03/1990
"""


def suggested(tmp_path: Path, **options: object) -> list[tuple[str, str]]:
    path = tmp_path / "people.csv"
    path.write_text(TEXT)
    received = look(path, "people.csv", FILE, read_options(options, SCHEMA), SCHEMA)
    return [(one.code, one.field) for one in received.suggestions]


def test_what_the_cells_suggest_is_told(tmp_path: Path) -> None:
    assert suggested(tmp_path) == [("several_values", "email"), ("days_written", "")]


def test_what_was_asked_for_is_no_suggestion(tmp_path: Path) -> None:
    assert suggested(tmp_path, split={"email": ";"}, date_format="DD/MM/YYYY") == []
