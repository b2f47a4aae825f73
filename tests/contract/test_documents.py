"""Every record survives being stored: as a document, as BSON and as MessagePack."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bson
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contactfold.adapters import directive_documents, documents, evidence_documents, key_documents, mongo_contacts
from contactfold.adapters.documents import Document
from contactfold.domain.directives import Gate, Mark, Rule, Settling
from contactfold.domain.directory import LINKS, Claim, Component, Contact, Fragment
from contactfold.domain.outcome import CREATED, REJECTED, Outcome, Reason
from contactfold.ports import AccessToken, ApiKey, DeadLetter, Evidence, Window

ids = st.binary(min_size=16, max_size=16)
stamps = st.sampled_from([bytes([each]) * 24 for each in range(3)]) | st.binary(min_size=24, max_size=24)
times = st.integers(-(2**62), 2**62)
offsets = st.integers(0, 2**62)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
sources = st.sampled_from(["shop", "crm"]) | text
scalars = text | st.integers(-(2**63), 2**63 - 1) | st.booleans()
attributes = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True)


@st.composite
def elements(draw: st.DrawFn) -> dict[Any, Any]:
    """Elements of one attribute, of one type each, keyed as e-mail addresses are or by themselves."""
    values = draw(st.one_of(st.lists(text), st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.booleans())))
    fold = draw(st.booleans())
    return {
        value.casefold() if fold and isinstance(value, str) else value: (
            draw(stamps),
            draw(st.integers(0, 99)),
            value,
            draw(sources),
        )
        for value in values
    }


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    """Contacts of any shape; no attribute holds one value and many at once."""
    multi = draw(st.dictionaries(attributes | st.just(LINKS), elements(), max_size=4))
    single = draw(st.dictionaries(attributes, st.tuples(stamps, scalars, sources), max_size=4))
    identifiers = [f"{key}:{compared}" for key, many in multi.items() for compared in many]
    identifiers += [f"{key}:{said[1]}" for key, said in single.items()]
    handle = draw(ids)
    # Most contacts are named by the event they were born with.
    founding = st.binary(min_size=8, max_size=8).map(lambda time: time + handle)
    return Contact(
        handle=handle,
        id=draw(ids),
        birth=draw(founding | stamps),
        last=draw(stamps),
        updated=draw(stamps),
        single={key: said for key, said in single.items() if key not in multi},
        multi=multi,
        owned=draw(st.sets(st.sampled_from(["a:b", *identifiers]) | text, max_size=5)),
        named=draw(st.sets(text, max_size=3)),
        shared=draw(st.sets(text, max_size=3)),
        absorbed=draw(st.lists(ids, max_size=3)),
        component=draw(st.none() | ids),
        plain=draw(st.booleans()),
        size=draw(offsets),
        version=draw(st.integers(0, 99)),
    )


reasons = st.builds(Reason, text, text, text, st.none() | st.integers(0, 9))
outcomes = st.builds(
    Outcome,
    event_id=ids,
    source=text,
    id=text,
    status=st.sampled_from([CREATED, REJECTED]),
    contact_id=st.none() | ids,
    merged=st.lists(ids, max_size=2),
    contested=st.lists(text, max_size=2),
    set_aside=st.lists(text, max_size=2),
    over_limit=st.lists(text, max_size=2),
    ignored_fields=st.lists(text, max_size=2).map(tuple),
    reasons=st.lists(reasons, max_size=2),
)
evidence = st.builds(
    Evidence,
    event_id=ids,
    stamp=stamps,
    event=st.binary() | text.map(str.encode),
    understood=st.none() | st.binary() | text.map(str.encode),
    handle=st.none() | ids,
    outcome=outcomes,
    partition=text,
    offset=offsets,
    account_id=st.none() | text,
    import_row=st.none() | st.tuples(text, offsets),
    by=st.lists(stamps, max_size=2).map(tuple),
    retracted=st.booleans(),
    erased_by=st.lists(ids, max_size=2).map(tuple),
    version=st.integers(0, 9),
)
# Most claims are mentioned by their owner alone, which is a form of its own.
mentions = st.sets(ids, max_size=2)
claims = st.builds(Claim, text, st.none() | ids, mentions, st.integers(0, 9)) | st.builds(
    lambda identifier, owner, version: Claim(identifier, owner, {owner}, version), text, ids, st.integers(0, 9)
)
components = st.builds(Component, ids, stamps, offsets, st.integers(0, 9))
fields = st.dictionaries(text | st.just("$ref") | st.just("a.b"), st.tuples(stamps, st.none() | scalars, text))
fragments = st.builds(Fragment, text, text, stamps, fields, st.integers(0, 9))
identifiers = st.lists(text, max_size=2).map(tuple)
rules = st.builds(Rule, ids, stamps, text, identifiers, st.booleans(), offsets, st.integers(0, 9))
counted = st.dictionaries(text | st.just("$ref") | st.just("a.b"), offsets, max_size=2)
gates = st.builds(Gate, text, text, st.lists(stamps, max_size=2).map(tuple), counted, st.integers(0, 9))
settlings = st.builds(
    Settling, ids, st.binary() | text.map(str.encode), offsets, offsets, text, times, st.integers(0, 9)
)
stubs = st.builds(Mark, ids, st.lists(stamps, max_size=2).map(tuple), st.booleans(), st.just(True), st.integers(0, 9))
windows = st.builds(lambda p, n, r: Window(p, n, r, n), text, offsets, st.binary(max_size=9))
letters = st.builds(
    DeadLetter,
    id=text,
    partition=text,
    offset=offsets,
    key=st.none() | st.binary(max_size=9),
    value=st.binary(max_size=9) | text.map(str.encode),
    headers=st.lists(st.tuples(text, st.binary(max_size=9)), max_size=2).map(tuple),
    timestamp=times,
    code=text,
    reason=text,
    died_at=times,
    tries=st.integers(1, 9),
    import_row=st.none() | st.tuples(text, offsets),
)
keys = st.builds(
    ApiKey,
    id=text,
    digest=st.binary(min_size=32, max_size=32),
    scopes=st.frozensets(text),
    name=text,
    created_at=times,
    source=st.none() | text,
    revoked_at=st.none() | times,
    requests_per_minute=st.none() | offsets,
)
tokens = st.builds(AccessToken, st.binary(min_size=32, max_size=32), text, st.frozensets(text), times)


MODULES = (documents, mongo_contacts, evidence_documents, directive_documents, key_documents)


def through_bson(document: Document) -> Document:
    """What MongoDB gives back."""
    return bson.decode(bson.encode(document))


def through_msgpack(document: Document) -> Document:
    """What SQLite gives back."""
    unpacked: Document = msgspec.msgpack.decode(msgspec.msgpack.encode(document))
    return unpacked


@pytest.mark.parametrize("store", [through_bson, through_msgpack])
@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("contact", contacts()),
        ("claim", claims),
        ("component", components),
        ("fragment", fragments),
        ("rule", rules),
        ("gate", gates),
        ("settling", settlings),
        ("stub", stubs),
        ("evidence", evidence),
        ("window", windows),
        ("dead_letter", letters),
        ("key", keys),
        ("token", tokens),
    ],
)
def test_a_record_survives_being_stored_and_is_one_version_on(
    name: str, records: st.SearchStrategy[Any], store: Callable[[Document], Document]
) -> None:
    """`read(stored(write(record)))` is the record, types and all; versioned ones are one version ahead."""
    write = next(getattr(each, f"write_{name}") for each in MODULES if hasattr(each, f"write_{name}"))
    name = "mark" if name == "stub" else name
    read = next(getattr(each, f"read_{name}") for each in MODULES if hasattr(each, f"read_{name}"))

    @settings(max_examples=150, deadline=None)
    @given(records)
    def check(record: Any) -> None:
        stored = read(store(write(record)))
        expected = replace(record, version=record.version + 1) if hasattr(record, "version") else record
        assert stored == expected
        assert repr(sorted_sets(stored)) == repr(sorted_sets(expected)), "equal, but of other types (True and 1)"

    check()


@pytest.mark.parametrize("dense_from", [0, 1 << 20])
def test_a_contact_survives_being_packed(monkeypatch: pytest.MonkeyPatch, dense_from: int) -> None:
    """With each value once, as very large ones are packed, and as all others are."""
    monkeypatch.setattr(documents, "_DENSE_FROM", dense_from)

    @settings(max_examples=150, deadline=None)
    @given(contacts())
    def check(contact: Contact) -> None:
        packed = documents.pack_contact(contact)
        stored = documents.unpack_contact(contact.handle, contact.component, contact.version, packed)
        assert repr(sorted_sets(stored)) == repr(sorted_sets(contact))

    check()


@pytest.mark.parametrize("very_many", [0, 1, 3])
def test_a_contact_of_very_many_values_survives_mongodb(monkeypatch: pytest.MonkeyPatch, very_many: int) -> None:
    """They are packed whole, from so many values on."""
    monkeypatch.setattr(mongo_contacts, "_VERY_MANY", very_many)

    @settings(max_examples=150, deadline=None)
    @given(contacts())
    def check(contact: Contact) -> None:
        document = through_bson(mongo_contacts.write_contact(contact))
        assert ("packed" in document) == (sum(map(len, contact.multi.values())) >= very_many)
        expected = replace(contact, version=contact.version + 1)
        assert repr(sorted_sets(mongo_contacts.read_contact(document))) == repr(sorted_sets(expected))

    check()


@pytest.mark.parametrize(
    "labels",
    [
        [f"{number} ".ljust(50_000, "x") for number in range(200)],
        [f"https://shop.example.com/campaigns/2026/spring/visitors/{number:060}" for number in range(150_000)],
    ],
    ids=["a few long ones", "many short ones"],
)
def test_a_contact_with_more_than_ten_megabytes_of_labels_has_room_in_a_document(labels: list[str]) -> None:
    elements: dict[Any, Any] = {label: (b"s" * 24, 0, label, "shop") for label in labels}
    contact = Contact(b"h" * 16, b"i" * 16, b"b" * 24, b"l" * 24, b"u" * 24, multi={"labels": elements})
    document = mongo_contacts.write_contact(contact)
    assert len(bson.encode(document)) < 10_500_000
    assert mongo_contacts.read_contact(document).multi == contact.multi


def test_a_contact_in_mongodb_has_each_value_each_stamp_and_each_identifier_once() -> None:
    """The server keeps the former version of whatever is changed, and writes that too: bytes are what it costs."""
    first, second = b"1" * 24, b"2" * 24
    contact = Contact(
        handle=b"h" * 16,
        id=b"i" * 16,
        birth=first,
        last=second,
        updated=second,
        single={"first_name": (second, "Ann", "shop"), "external_customer_id": (second, "c-1", "shop")},
        multi={
            "labels": {"lead": (first, 0, "lead", "shop"), "beta": (second, 0, "beta", "shop")},
            "email": {"ann@x.org": (first, 0, "ann@x.org", "shop")},
        },
        owned={"external_customer_id:c-1", "email:ann@x.org"},
        size=2,
    )
    written = bson.encode(mongo_contacts.write_contact(contact))
    for once in (contact.handle, contact.id, first, second, b"Ann", b"c-1", b"lead", b"beta", b"ann@x.org"):
        assert written.count(once) == 1, once


def sorted_sets(record: Any) -> Any:
    """The record with sets in an order of their own, so that two equal ones print alike."""
    changed = {
        name: sorted(value) for name in record.__slots__ if isinstance(value := getattr(record, name), set | frozenset)
    }
    changed |= {
        name: sorted(value.items(), key=repr)
        for name in ("single", "multi", "fields")
        if isinstance(value := getattr(record, name, None), dict)
    }
    return replace(record, **changed)


def test_a_claim_that_only_its_owner_mentions_says_so_by_leaving_mentions_out() -> None:
    """The common claim is small."""
    assert "mentions" not in documents.write_claim(Claim("email:a@x.org", b"h" * 16, {b"h" * 16}))


def test_an_event_that_is_text_can_be_read_by_people() -> None:
    """Evidence shows JSON as text, and other bytes as they are."""
    outcome = Outcome(b"e" * 16, "shop", "1", CREATED)
    readable = Evidence(b"e" * 16, b"s" * 24, b'{"id":"1"}', None, None, outcome, "contactfold.events/0", 0)
    assert evidence_documents.write_evidence(readable)["event"] == '{"id":"1"}'
    assert evidence_documents.write_evidence(replace(readable, event=b"\xff"))["event"] == b"\xff"
