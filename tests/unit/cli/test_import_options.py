"""The flags of `contactfold import`: what they say, and what is said of those that cannot be."""

from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from contactfold.config import Config, Limits
from contactfold.domain.errors import Misconfigured
from contactfold.tables.options import Options
from contactfold_cli.import_options import name_flags, read_flags
from contactfold_cli.import_taking import taken
from contactfold_ingest.imports.shelf import Shelf

SCHEMA = Config().contact_schema


def read(*, mapping: list[str] | None = None, split: list[str] | None = None, **plain: Any) -> Options:
    return read_flags({"match_on": None, **plain}, mapping or [], split or [], SCHEMA)


def test_nothing_said_is_the_options_of_an_upload_without_any() -> None:
    assert read() == Options()


@pytest.mark.parametrize("given", [["email", "phone_number"], ["email,phone_number"], ["email, phone_number", "email"]])
def test_what_finds_people_is_named_one_by_one_or_with_commas(given: list[str]) -> None:
    assert read(match_on=given).match_on == ("email", "phone_number")


def test_a_column_is_mapped_by_what_stands_after_its_last_equals_sign() -> None:
    options = read(mapping=["E=Mail=email", "Shoe size=", "Account=organization.name"])
    assert options.mapping == {"E=Mail": "email", "Shoe size": None, "Account": "organization.name"}


@pytest.mark.parametrize(
    ("given", "separator"),
    [("Tags=;", ";"), ("Tags==", "="), ("Tags=\\n", "\n"), ("Tags=\\t", "\t"), ("Tags= / ", " / ")],
)
def test_a_column_is_split_by_what_stands_after_its_equals_sign(given: str, separator: str) -> None:
    assert read(split=[given]).split == {"Tags": separator}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"mapping": ["email"]}, "--map is written COL=ATTR, with the name of a column before the =."),
        ({"mapping": ["=email"]}, "--map is written COL=ATTR, with the name of a column before the =."),
        ({"split": ["Tags"]}, "--split is written COL=SEP, with the name of a column before the =."),
        ({"mapping": ["A=email", "A=city"]}, "--map names one column twice; say once what it is."),
        ({"action": "upsert"}, "--action is one of append, update, replace, ignore."),
        ({"match_on": ["city"]}, "--match-on is a list of one or more keys or channels: "),
        ({"date_format": "tomorrow"}, "--date-format "),
        ({"empty": "maybe"}, "--empty is one of nothing, delete."),
        (
            {"mapping": ["A=emial"]},
            "did you mean email?; it takes an attribute's key, `organization.<field>`, or nothing",
        ),
    ],
)
def test_what_cannot_be_is_told_as_flags_are_written(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read(**said)
    (fault,) = refused.value.faults
    assert sentence in fault


def test_every_fault_is_told() -> None:
    with pytest.raises(Misconfigured) as refused:
        read(action="upsert", empty="maybe", mapping=["A"])
    assert len(refused.value.faults) == 3


def test_sentences_about_options_name_flags() -> None:
    told = name_flags("say with the option `date_format` which it is; leave out all but one with `mapping`.")
    assert told == "say with --date-format which it is; leave out all but one with --map."


def test_lines_that_name_nobody_are_refused_as_flags_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"given_name": "Ann"}\n')))
    taking = taken("-", Shelf(tmp_path), Options(), SCHEMA, Limits(), quiet=True)
    with pytest.raises(Misconfigured, match="by its name or by --map"):
        taking.__enter__()
