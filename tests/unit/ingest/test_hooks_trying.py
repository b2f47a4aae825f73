"""A mapping tried against a sample: the events it would make, and why an expression finds nothing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contactfold.config import Misconfigured, Settings, check_config
from contactfold.exits import Exit
from contactfold_cli.hook_trying import run_list, run_try
from contactfold_ingest.hooks.explaining import explain_nothing

SHOP: dict[str, Any] = {
    "events": "orders[]",
    "id": "order_no",
    "occurred_at": "created",
    "values": {"email": "buyer.mail", "first_name": "buyer.name.first"},
    "organization": {"account_id": "company.id", "name": "company.name"},
    "required": ["first_name"],
}
GOOD = {
    "order_no": 17,
    "created": 1_700_000_000,
    "buyer": {"mail": "Ann@example.com", "name": {"first": "Ann"}},
    "company": {"id": "A-1", "name": "Office Mart"},
}
ORDER = {
    "id": 1,
    "mail": "a@example.com",
    "e-mail": "b@example.com",
    "buyer": {"email": "c@example.com", "name": None},
    "lines": [{"sku": "x"}, {"sku": "y"}],
    "notes": [],
    "billing": {"address": {"city": "Porto"}},
}


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        (
            "buyer.mail",
            "No item of the sample has buyer.mail; did you mean buyer.email? There are buyer.email, buyer.name.",
        ),
        ("buyer.name", "buyer.name is null in every item of the sample."),
        ("buyer.name.first", "buyer.name is null in every item of the sample."),
        ("city", "No item of the sample has city; did you mean billing.address.city? There are"),
        ("skus", 'No item of the sample has skus. There are id, mail, "e-mail", buyer, lines, notes, billing.'),
        ("address.city", "No item of the sample has address; did you mean billing.address?"),
        ("lines.sku", "lines is a list: write lines[].sku for that of each element, lines[0] for one."),
        ("lines[2].sku", "lines has no element [2]."),
        ("lines[].skuu", "No item of the sample has lines[].skuu; did you mean lines[].sku? There is lines[].sku."),
        ("notes[].text", "notes is empty."),
        ("buyer[].email", "buyer is an object, not a list."),
        ("mail.host", "mail is text and has no host."),
        ("id.x", "id is a number and has no x."),
        ("lines[?sku=='z'].sku", "No element of lines[] passes the filter."),
        ("lines[?kind=='z'].sku", "No element of lines[] passes the filter. No item of the sample has lines[].kind."),
        ("buyer.a || buyer.b", "No item of the sample has buyer.a."),
        ("[buyer.mail, emial][?@]", "did you mean buyer.email?"),
        ("not_null(buyer.mail)", "did you mean buyer.email?"),
        ("lines[0:1].skuu", "did you mean lines[].sku?"),
        ("billing.*.town", "No item of the sample has billing.address.town."),
        ("@.buyer.mail", "did you mean buyer.email?"),
        ("lines[].sku | [5]", "has no element [5]."),
        ("mail && buyer.name", "buyer.name is null in every item"),
        ("sort(id)", "It gives nothing for any item of the sample."),
    ],
)
def test_why_an_expression_finds_nothing(expression: str, told: str) -> None:
    assert told in explain_nothing(expression, [ORDER])


@pytest.mark.parametrize("sample", [None, 5, "text", [], [1], [[]], {}, {"a\x1b[31m": 1}, {"": 0}])
@pytest.mark.parametrize(
    "expression", ["a.b", "a[].b", "[?a].b", "*.b", "a[0]", "[]", "[*].a.b", "join('', a)", "a | b"]
)
def test_a_sample_of_any_shape_is_explained(expression: str, sample: object) -> None:
    told = explain_nothing(expression, [sample])
    assert told.endswith((".", "?"))
    assert told.isprintable()


def test_a_sample_as_deep_and_wide_as_a_request_may_be_is_explained_at_once() -> None:
    deep: object = {}
    for _ in range(500):
        deep = {"a": deep}
    wide = [{"b" * 20 + str(n): n} for n in range(50_000)]
    assert "No item of the sample has c" in explain_nothing("c.d", [{"deep": deep, "wide": wide}])


class Trying:
    """Runs `contactfold hooks try` in this process."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._home, self._capsys = home, capsys

    def run(self, sample: object, *, json: bool = False, name: str = "sample.json", **settings: Any) -> tuple[int, str]:
        """Exit code and output for a sample (bytes, else as JSON); the source is SHOP with these settings."""
        config = check_config({"sources": {"shop": {**SHOP, **settings}}})
        file = self._home / name
        file.write_bytes(sample if isinstance(sample, bytes) else _encode(sample))
        code = run_try(config, Settings(), name="shop", sample=file, json=json)
        return code, self._capsys.readouterr().out

    def report(self, sample: object, **options: Any) -> Any:
        """What it says in JSON."""
        return json.loads(self.run(sample, json=True, **options)[1])


def _encode(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def trying(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Trying:
    return Trying(tmp_path, capsys)


def test_a_sample_s_events_are_shown_as_the_log_would_hold_them(trying: Trying) -> None:
    report = trying.report({"orders": [GOOD]}, match_on=["email"])
    assert report["ok"]
    (item,) = report["items"]
    assert item["status"] == "accepted"
    assert item["event"] == {
        "id": "17",
        "source": "shop",
        "type": "contact.upsert",
        "occurred_at": "2023-11-14T22:13:20.000000Z",
        "match_on": ["email"],
        "values": {"email": ["Ann@example.com"], "first_name": "Ann"},
        "organization": {"account_id": "A-1", "name": "Office Mart"},
    }
    assert item["identifiers"] == ["email:ann@example.com"]
    assert report["nothing_found"] == []


def test_an_item_that_would_be_refused_is_told_with_every_reason_and_makes_the_answer_no(trying: Trying) -> None:
    code, told = trying.run({"orders": [GOOD, {"buyer": {"mail": "nobody"}, "created": "2023-11-14T22:13:20"}]})
    assert code == Exit.NO
    assert "makes 1 event of the source shop; 1 of 2 items would be refused." in told
    assert "email: This is not an e-mail address; one reads like ann@example.com. (invalid_email)" in told
    assert "first_name: Missing required field: first_name. (missing_field)" in told
    assert "give the source a `timezone` in contactfold.yaml. (invalid_time)" in told


def test_what_only_the_request_brings_is_not_made_up(trying: Trying) -> None:
    code, told = trying.run({"orders": [{"buyer": GOOD["buyer"]}]})
    assert code == Exit.DONE
    assert "event with an id of the request" in told
    assert "(when it is received)" in told
    report = trying.report({"orders": [{"buyer": GOOD["buyer"]}]})
    assert report["items"][0]["event_id"] is None
    assert "id" not in report["items"][0]["event"]


def test_expressions_that_find_nothing_are_told_with_what_there_is(trying: Trying) -> None:
    code, told = trying.run({"orders": [GOOD]}, values={"email": "buyer.mail", "city": "buyer.city"}, required=[])
    assert code == Exit.DONE
    assert (
        "  values.city: buyer.city\n    No item of the sample has buyer.city. There are buyer.mail, buyer.name." in told
    )


def test_an_expression_that_finds_something_in_one_item_is_not_among_them(trying: Trying) -> None:
    report = trying.report({"orders": [GOOD, {"buyer": GOOD["buyer"]}]})
    assert report["nothing_found"] == []


def test_ignored_fields_and_remarks_are_shown(trying: Trying) -> None:
    item = {"email": ["ann@example.com", "n/a"], "shoe": 4}
    code, told = trying.run([item], events=None, values=None, required=[], organization=None)
    assert code == Exit.DONE
    assert re.search("^  ignored +shoe$", told, re.MULTILINE)
    assert "email[1]: A placeholder that says nothing was left out. (junk)" in told


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (b'{"orders": [}', "The body is not JSON: invalid character (line 1, column 13)."),
        (b"", "The body is empty"),
        (b'{"order": []}', "The expression for the events of the source shop finds nothing in this body."),
        (b'{"orders": [' + b" " * 1_048_576 + b"]}", "The body is larger than 1048576 bytes"),
        (b'"\xff"', "The body is not JSON: the text is not UTF-8"),
        (b"[" * 10_000, "nested too deeply"),
    ],
)
def test_a_body_that_the_door_would_refuse_is_told_as_the_door_would(trying: Trying, sample: bytes, told: str) -> None:
    code, printed = trying.run(sample)
    assert code == Exit.NO
    assert told in printed


def test_a_request_without_any_item_is_refused_unless_the_source_says_where_items_are(trying: Trying) -> None:
    assert trying.run({"orders": []})[0] == Exit.DONE
    code, told = trying.run([], events=None)
    assert (code, "The request holds no event" in told) == (Exit.NO, True)


def test_lines_of_ndjson_are_requests_of_their_own(trying: Trying) -> None:
    lines = _encode({"orders": [GOOD]}) + b"\n\n{]\n" + _encode({"orders": [GOOD]}) + b"\r\n"
    code, told = trying.run(lines, name="sample.NDJSON")
    assert code == Exit.NO
    assert "makes 2 events of the source shop; 1 request would be refused whole:" in told
    assert "Line 3: The body is not JSON" in told


def test_nothing_of_a_sample_is_obeyed_by_a_terminal(trying: Trying) -> None:
    hostile = "Ann\x1b[2J\x9b\u202e"
    item = {**GOOD, "buyer": {"mail": "ann@example.com", "name": {"first": hostile}}, "order_no": hostile}
    _, told = trying.run({"orders": [item, {hostile: {hostile: 1}}]}, organization={"account_id": "order_no"})
    assert all(line.isprintable() for line in told.splitlines())


def test_a_source_there_is_not_is_told_with_those_there_are() -> None:
    config = check_config({"sources": {"shop": {}, "crm": {}}})
    with pytest.raises(Misconfigured, match="no source 'shp'; did you mean shop\\? The sources are: shop, crm"):
        run_try(config, Settings(), name="shp", sample=Path("none.json"), json=False)
    with pytest.raises(Misconfigured, match="The sources are: none"):
        run_try(check_config({}), Settings(), name="shp", sample=Path("none.json"), json=False)


@pytest.mark.parametrize(("name", "told"), [("none.json", "there is no such file"), (".", "cannot be read")])
def test_a_sample_that_cannot_be_read_is_a_fault(tmp_path: Path, name: str, told: str) -> None:
    config = check_config({"sources": {"shop": SHOP}})
    with pytest.raises(Misconfigured, match=told):
        run_try(config, Settings(), name="shop", sample=tmp_path / name, json=False)


def test_sources_are_listed_with_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    signed = {"signing_secrets": ["MDEyMzQ1Njc4OWFiY2RlZg=="]}
    config = check_config({"sources": {"shop": SHOP, "signed": signed}})
    assert run_list(config, Settings(), json=True) == Exit.DONE
    shop, other = json.loads(capsys.readouterr().out)
    assert (shop["address"], shop["needs"], shop["values"]) == ("/hooks/shop", "an API key", ["email", "first_name"])
    assert (other["needs"], other["values"]) == ("a signature", ["the item's own keys"])
    assert run_list(check_config({}), Settings(), json=False) == Exit.DONE
    assert "no source" in capsys.readouterr().out
