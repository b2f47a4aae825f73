"""What cannot be applied: kept whole, kept as evidence, or found in a batch and buried while the others live."""

import json

import pytest

from contactfold.config import Limits
from contactfold.domain.errors import RetryOnFreshState, TooLarge
from contactfold.ports import Changes, Directory, Lane, NewRecord
from contactfold.redriving import make_key, write_copy
from e2e.loads import Event, Load, make_events
from integration.processor.rig import (
    Meddling,
    Site,
    all_letters,
    append,
    at_rest,
    check_applied_once,
    is_rejected,
    outcomes_of,
    processing,
    until,
)

ONE_KEY = "one partition"
UNREADABLE = [
    (b"", "not_json"),
    (b"\xff\xfe{", "not_json"),
    (b"[" * 100_000, "not_json"),
    (b"[]", "not_an_event"),
    (b'{"type": "contact.exalt"}', "unknown_type"),
    (b'{"values": {"email": "' + b"a" * 1_100_000 + b'"}}', "too_large"),
]


async def test_records_that_cannot_be_read_become_dead_letters_with_the_record_whole(site: Site) -> None:
    events = make_events(11, Load(count=100, people=20))
    log, directory = await site.log(), await site.directory()
    headers = (("traceparent", b"\x00\xff"), ("traceparent", b"twice"))
    await append(log, events[:50])
    for place, (value, _) in enumerate(UNREADABLE):
        await log.append(Lane.LIVE, [NewRecord(b"key %d" % place, value, headers)])
    await append(log, events[50:])
    async with processing(log, directory):
        await at_rest(log, directory)
    letters = {letter.key: letter for letter in await all_letters(directory)}
    assert len(letters) == len(UNREADABLE)
    for place, (value, code) in enumerate(UNREADABLE):
        letter = letters[b"key %d" % place]
        assert (letter.code, letter.value, letter.headers, letter.tries) == (code, value, headers, 1)
        assert letter.id == f"{letter.partition}/{letter.offset}"
        assert letter.reason.endswith(".")
    await check_applied_once(directory, events)


async def test_statements_that_are_refused_are_evidence_with_the_outcome_rejected(site: Site) -> None:
    refused: list[Event] = [
        {"id": "r-1", "source": "load", "values": {"email": "no address"}},
        {"id": "r-2", "source": "load", "values": {"first_name": "Nobody"}},
        {"id": "r-3", "source": "load", "occurred_at": "yesterday", "values": {"email": "ann@example.com"}},
        {"id": "r-4", "source": "load", "action": "befriend", "values": {"email": "ann@example.com"}},
    ]
    codes = ["invalid_email", "no_identifier", "invalid_time", "invalid_action"]
    log, directory = await site.log(), await site.directory()
    await append(log, [*refused, refused[0]], key=ONE_KEY)
    async with processing(log, directory):
        await at_rest(log, directory)
    outcomes = await outcomes_of(directory, refused)
    assert all(map(is_rejected, outcomes.values())), outcomes
    assert [one.reasons[0].code for one in outcomes.values() if one is not None] == codes
    assert await all_letters(directory) == []
    assert await directory.list_contacts(after=None, limit=1) == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ZeroDivisionError("a fault nobody foresaw, with ann@example.com in it"), "ZeroDivisionError"),
        (TooLarge("A document has 17 MiB; the directory takes 16."), "A document has 17 MiB"),
    ],
    ids=["unforeseen", "too large"],
)
async def test_a_record_that_makes_an_unexpected_exception_is_found_and_buried_alone(
    site: Site, fault: Exception, told: str
) -> None:
    """It is looked for in the batch by halves; everything around it, of the same people too, is applied."""
    events = make_events(12, Load(count=600, people=60))
    poison = {"e-123", "e-124"}
    log, directory = await site.log(), await site.directory()
    await append(log, events, key=ONE_KEY)
    meddling = Meddling(directory)

    async def break_on_poison(changes: Changes) -> None:
        if any(evidence.outcome.id in poison for evidence in changes.evidence):
            raise fault

    meddling.before = break_on_poison
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    letters = await all_letters(directory)
    assert sorted(letter.offset for letter in letters) == [123, 124]
    assert {letter.code for letter in letters} == {"not_applied"}
    assert all(told in letter.reason and "ann@" not in letter.reason for letter in letters)
    await check_applied_once(directory, [event for event in events if event["id"] not in poison])


async def test_a_late_event_that_would_rebuild_too_much_dies_alone(embedded: Site) -> None:
    values = {"email": "ann@example.com", "first_name": "Ann"}
    crowd: list[Event] = [
        {"id": f"c-{n}", "source": "load", "occurred_at": f"2026-01-02T00:00:{n:02}Z", "values": values}
        for n in range(20)
    ]
    late = {"id": "late", "source": "load", "occurred_at": "2026-01-01T00:00:00Z", "action": "update", "values": values}
    after = {"id": "after", "source": "load", "occurred_at": "2026-01-03T00:00:00Z", "values": values}
    log, directory = await embedded.log(), await embedded.directory()
    async with processing(log, directory, limits=Limits(component_events=10)):
        await append(log, crowd, key=ONE_KEY)
        await at_rest(log, directory)
        await append(log, [late, after], key=ONE_KEY)
        await at_rest(log, directory)
    (letter,) = await all_letters(directory)
    assert letter.code == "component_too_large"
    assert "email:ann@example.com" in letter.reason
    await check_applied_once(directory, [*crowd, after])


def ann(name: str, at: str, **more: object) -> Event:
    """A statement about a person whose component is larger than the limit."""
    values = {"email": "ann@example.com", "first_name": "Ann"}
    return {"id": name, "source": "load", "occurred_at": f"2026-01-{at}T00:00:00Z", "values": values, **more}


async def test_a_late_event_that_dies_takes_no_neighbour_of_its_batch_with_it(embedded: Site) -> None:
    """Each is judged by its own component: what is plain or in order lives, whoever shares its batch."""
    bob = {"email": "bob@example.com"}
    crowd = [ann(f"c-{n}", f"{n + 10}") for n in range(8)]
    batch = [
        ann("plain", "02"),
        ann("replace", "03", action="replace"),
        ann("bob again", "20", values=bob, action="replace"),
        ann("link", "28", values={"email": ["ann@example.com", "bob@example.com"]}),
    ]
    log, directory = await embedded.log(), await embedded.directory()
    async with processing(log, directory, limits=Limits(component_events=5)):
        await append(log, [*crowd, ann("bob", "05", values=bob)], key=ONE_KEY)
        await at_rest(log, directory)
        await append(log, batch, key=ONE_KEY)
        await at_rest(log, directory)
    (letter,) = await all_letters(directory)
    assert (letter.code, b'"replace"' in letter.value, b'"id": "replace"' in letter.value) == (
        "component_too_large",
        True,
        True,
    )
    await check_applied_once(directory, [*crowd, ann("bob", "05", values=bob), batch[0], *batch[2:]])


@pytest.mark.parametrize("keyed", [True, False], ids=["many contacts", "one contact"])
async def test_the_reason_names_what_holds_the_crowd_together_and_the_command_that_parts_it(
    site: Site, keyed: bool
) -> None:
    """Not what the late event itself names: to share that would part nobody."""
    desk = "+14155550100"
    crowd: list[Event] = [
        {
            "id": f"c-{n}",
            "source": "load",
            "occurred_at": f"2026-01-02T00:00:{n:02}Z",
            "values": {"email": f"p{n % 7}@example.com", "phone_number": desk}
            | ({"external_customer_id": f"k{n % 7}"} if keyed else {}),
        }
        for n in range(20)
    ]
    values = {"email": "p3@example.com", "first_name": "Bob"}
    late = {
        "id": "late",
        "source": "load",
        "occurred_at": "2026-01-01T00:00:00Z",
        "action": "replace",
        "values": values,
    }
    log, directory = await site.log(), await site.directory()
    async with processing(log, directory, limits=Limits(component_events=10)):
        await append(log, crowd, key=ONE_KEY)
        await at_rest(log, directory)
        await append(log, [late], key=ONE_KEY)
        await at_rest(log, directory)
        (letter,) = await all_letters(directory)
        assert f"`contactfold share phone_number:{desk}`" in letter.reason

        share = {"id": "share", "source": "load", "type": "identifier.share", "identifiers": [f"phone_number:{desk}"]}
        await append(log, [json.dumps(share).encode()], key=ONE_KEY)
        await at_rest(log, directory)
        await until(lambda: _is_settled(directory), "the directive is settled")
        await log.append(Lane.LIVE, [write_copy(letter, await make_key(directory))])
        await at_rest(log, directory)
    assert await all_letters(directory) == [], "the command was the way out"


async def _is_settled(directory: Directory) -> bool:
    return not await directory.settlings()


async def test_a_record_that_conflicts_for_ever_dies_instead_of_holding_its_partition(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else writes here: what it meets in the directory must contradict itself."""
    monkeypatch.setattr("contactfold_processor.processor._LAST_CONTRADICTION", 12)
    events = make_events(14, Load(count=40, people=10))
    log, directory = await site.log(), await site.directory()
    await append(log, events, key=ONE_KEY)
    meddling = Meddling(directory)

    async def conflict(changes: Changes) -> None:
        if any(evidence.outcome.id == "e-17" for evidence in changes.evidence):
            raise RetryOnFreshState("The evidence of a component has just grown.")

    meddling.before = conflict
    async with processing(log, meddling.port):
        await at_rest(log, directory)
    (letter,) = await all_letters(directory)
    assert (letter.offset, letter.code) == (17, "not_applied")
    assert "has just grown" in letter.reason
    await check_applied_once(directory, [event for event in events if event["id"] != "e-17"])
