"""Tables that the code dictates: settings, attributes, metrics. A failure says what the page should have."""

import re
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from contactfold.config import check_config
from contactfold.domain.schema import TYPES
from contactfold.environment import PREFIX, Settings
from contactfold.locations import Location
from contactfold.schedule_settings import Schedule
from contactfold.sections import Alternative, AttributeSettings, Config, Limits, Source
from e2e.docs.generated import Row, metric_rows, schema_rows, write_default, write_table
from e2e.docs.pages import PAGES, ROOT, Block, name_page, read_blocks, read_tables, unquote

CONFIGURATION = ROOT / "docs" / "configuration.md"
METRICS = ROOT / "docs" / "metrics.md"

EMBEDDED = ("log", "directory")
YAML = [(name_page(page), block) for page in PAGES for block in read_blocks(page) if block.language == "yaml"]


def keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def test_every_variable_is_told_with_its_default() -> None:
    rows = read_tables(CONFIGURATION, under="The environment")
    assert [unquote(row[0]) for row in rows] == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    told = [row[1] for row in rows]
    wanted = ["embedded" if name in EMBEDDED else write_default(field) for name, field in Settings.model_fields.items()]
    assert told == wanted


@pytest.mark.parametrize(
    ("heading", "sections"),
    [
        ("The file", [Config]),
        ("`schema`", [AttributeSettings, Alternative]),
        ("`sources`", [Source]),
        ("`schedules`", [Schedule]),
        ("`from`", [Location]),
        ("`limits`", [Limits]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_key_of_the_file_is_told_in_order_with_its_default(heading: str, sections: list[type[BaseModel]]) -> None:
    rows = read_tables(CONFIGURATION, under=heading)
    assert [unquote(row[0]) for row in rows] == [key for section in sections for key in keys(section)]
    fields = [field for section in sections for field in section.model_fields.values()]
    for row, field in zip(rows, fields, strict=True):
        in_words = {"`schema`": "the default schema", "`limits`": "see below", "`name`": "the key in words"}
        wanted = in_words.get(row[0], write_default(field) or "none")
        assert row[1] == wanted, row[0]


@pytest.mark.parametrize("key", ["type", "action", "on_many", "unknown_fields", "empty"])
def test_every_alternative_of_a_setting_is_named(key: str) -> None:
    (row,) = (row for row in read_tables(CONFIGURATION) if row[0] == f"`{key}`")
    known = TYPES if key == "type" else get_args(Source.model_fields[key].annotation)
    named = set(re.findall(r"\w+", " ".join(row[1:])))
    assert set(known) <= named


def test_the_default_schema_is_told_attribute_by_attribute() -> None:
    wanted = schema_rows()
    head: Row = ["key", "name", "type", "identifies", "multi", "pii"]
    assert read_tables(CONFIGURATION, under="The default schema") == wanted, write_table(head, wanted)


def test_every_metric_is_told() -> None:
    wanted = metric_rows()
    assert len(wanted) >= 12
    rows = [row for row in read_tables(METRICS, under="Metrics") if len(row) == 4]
    assert rows == wanted, write_table(["metric", "kind", "labels", "tells"], wanted)


def test_every_label_of_a_metric_is_explained() -> None:
    labels = {label for row in metric_rows() for label in re.findall(r"`(\w+)`", row[2])}
    explained = {unquote(row[0]) for row in read_tables(METRICS, under="Metrics") if len(row) == 2}
    assert explained == labels


@pytest.mark.parametrize(("page", "block"), YAML, ids=lambda value: value if isinstance(value, str) else "")
def test_every_configuration_that_is_shown_is_accepted(
    page: str, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in re.findall(r"\$\{(\w+)\}", block.text):
        monkeypatch.setenv(name, "MDEyMzQ1Njc4OWFiY2RlZg==")
    assert check_config(yaml.safe_load(block.text)).contact_schema, page


def test_a_configuration_is_shown() -> None:
    assert YAML
