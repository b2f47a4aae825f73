"""Dead letters on the log again: each is applied, or dies as the letter it was; nothing else is touched."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.config import Limits
from contactfold.domain.stamp import make_event_id, stamp_time
from contactfold.ports import Changes, DeadLetter, Directory, EventLog, Lane, NewRecord
from contactfold.redriving import LETTER_HEADER, PLACE_HEADER, PROOF_HEADER, TIME_HEADER, make_key, write_copy
from contactfold_processor.breaker import read_stop
from e2e.loads import Event, Load, make_events
from integration.processor.rig import (
    Meddling,
    Site,
    all_letters,
    append,
    at_rest,
    check_applied_once,
    export_of,
    processing,
    until,
)

ONE_KEY = "one partition"
SMALL = Limits(component_events=10)
LIMITS = Limits(dead_window=20, dead_share=0.5)


def ann(name: str, second: int, **more: Any) -> Event:
    values = {"email": "ann@example.com", "first_name": f"Ann {name}"}
    return {"id": name, "source": "load", "occurred_at": f"2026-01-02T00:00:{second:02}Z", "values": values, **more}


CROWD = [ann(f"c-{n}", n + 10) for n in range(20)]
LATE = [ann(f"late-{n}", n, action="update") for n in range(4)]


async def redrive(
    log: EventLog, directory: Directory, letters: Sequence[DeadLetter], edited: bytes | None = None
) -> None:
    """Write the copies as the command does."""
    key = await make_key(directory)
    await log.append(Lane.LIVE, [write_copy(letter, key, edited) for letter in letters])


async def buried(log: EventLog, directory: Directory, *values: bytes) -> list[DeadLetter]:
    """These records, written straight to the topic, as the dead letters they become."""
    await append(log, values, key=ONE_KEY)
    async with processing(log, directory):
        await at_rest(log, directory)
    return await all_letters(directory)


async def decided(log: EventLog, directory: Directory, *, limits: Limits | None = None) -> list[DeadLetter]:
    """The letters that are left once everything is applied."""
    async with processing(log, directory, limits=limits):
        await at_rest(log, directory)
    return await all_letters(directory)


async def test_letters_that_are_redriven_in_any_order_are_applied_and_gone(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    await append(log, CROWD, key=ONE_KEY)
    async with processing(log, directory, limits=SMALL):
        await at_rest(log, directory)
        await append(log, LATE, key=ONE_KEY)
        await at_rest(log, directory)
    letters = await all_letters(directory)
    assert {(letter.code, letter.tries) for letter in letters} == {("component_too_large", 1)}
    assert len(letters) == 4
    assert all("`contactfold share email:ann@example.com`" in letter.reason for letter in letters)

    await redrive(log, directory, [letters[2], letters[0], letters[3], letters[0], letters[1]])
    assert await decided(log, directory) == []
    await check_applied_once(directory, [*CROWD, *LATE])


async def test_a_letter_that_dies_again_is_the_same_letter_with_one_more_try(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    (letter,) = await buried(log, directory, b"no event")
    for tries in (2, 3):
        await redrive(log, directory, [letter])
        (again,) = await decided(log, directory)
        assert again.tries == tries
        assert again.died_at >= letter.died_at
        again.tries, again.died_at = letter.tries, letter.died_at
        assert again == letter, "what came first is kept as it came"


async def test_copies_of_one_letter_in_one_batch_are_so_many_tries(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    (letter,) = await buried(log, directory, b"no event")
    await redrive(log, directory, [letter] * 5)
    (again,) = await decided(log, directory)
    assert again.tries == 6


async def test_a_record_without_id_and_times_keeps_those_of_its_first_place(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    nameless = json.dumps({"values": {"email": "ann@example.com"}}).encode()
    poison = Meddling(directory)

    async def break_always(changes: Changes) -> None:
        if changes.evidence:
            raise ZeroDivisionError

    poison.before = break_always
    await append(log, [nameless], key=ONE_KEY)
    async with processing(log, poison.port):
        await at_rest(log, directory)
    (letter,) = await all_letters(directory)
    poison.before = None

    await redrive(log, directory, [letter, letter])
    assert await decided(log, directory) == []
    evidence = await directory.evidence(make_event_id("kafka", letter.id))
    assert evidence is not None
    assert stamp_time(evidence.stamp) == letter.timestamp
    assert (await directory.counts())["evidence"] == 1


async def test_a_letter_whose_event_is_applied_by_now_goes_without_a_trace(embedded: Site) -> None:
    """The same event was sent again by its sender, after the limit was raised."""
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, CROWD, key=ONE_KEY)
    assert await decided(log, directory, limits=SMALL) == []
    await append(log, [LATE[0]], key=ONE_KEY)
    (letter,) = await decided(log, directory, limits=SMALL)
    await append(log, [LATE[0]], key=ONE_KEY)
    assert await decided(log, directory) == [letter]
    before = await export_of(directory)
    await redrive(log, directory, [letter])
    assert await decided(log, directory) == []
    assert await export_of(directory) == before
    await check_applied_once(directory, [*CROWD, LATE[0]])


async def test_an_edited_body_is_applied_in_the_letters_place(site: Site) -> None:
    log, directory = await site.log(), await site.directory()
    (letter,) = await buried(log, directory, b'{"values": {"email": "ann@example.com"}')
    await redrive(log, directory, [letter], b'{"values": {"email": "ann@example.com"}}')
    assert await decided(log, directory) == []
    assert await directory.evidence(make_event_id("kafka", letter.id)) is not None


async def test_an_edited_body_that_is_refused_is_evidence_and_settles_its_letter(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    (letter,) = await buried(log, directory, b"no event")
    await redrive(log, directory, [letter], b'{"id": "e", "source": "s", "values": {"email": "no address"}}')
    assert await decided(log, directory) == []
    evidence = await directory.evidence(make_event_id("s", "e"))
    assert evidence is not None
    assert evidence.outcome.status == "rejected"


async def test_an_edited_body_that_dies_leaves_the_first_one_in_the_letter(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    (letter,) = await buried(log, directory, b"no event")
    await redrive(log, directory, [letter], b"[]")
    (again,) = await decided(log, directory)
    assert (again.value, again.tries, again.code) == (b"no event", 2, "not_an_event")
    assert again.reason.startswith("With an edited body: ")


async def test_a_record_that_names_a_letter_which_is_not_its_own_does_nothing_to_it(site: Site) -> None:
    """Anybody may write headers: a letter goes only for its own record, or for one this directory has proven."""
    log, directory = await site.log(), await site.directory()
    (letter,) = await buried(log, directory, b"no event")
    forged = {LETTER_HEADER: letter.id, PLACE_HEADER: letter.id, TIME_HEADER: str(letter.timestamp)}
    headers = [(name, value.encode()) for name, value in forged.items()]
    stolen = dict(write_copy(letter, await make_key(directory), b"{}").headers)[PROOF_HEADER]
    mine = b'{"id": "%d", "source": "s", "values": {"email": "eve@example.com"}}'
    for number, proof in enumerate([[], [(PROOF_HEADER, b"0" * 64)], [(PROOF_HEADER, stolen)]]):
        await log.append(Lane.LIVE, [NewRecord(b"k", mine % number, (*headers, *proof))])
    await log.append(Lane.LIVE, [NewRecord(b"k", b"worse", (*headers,))])
    await log.append(Lane.LIVE, [NewRecord(b"k", b"no event", ((LETTER_HEADER, letter.id.encode()),))])
    nowhere = tuple((name, b"contactfold.events/0/123456789") for name in (LETTER_HEADER, PLACE_HEADER))
    await log.append(Lane.LIVE, [NewRecord(b"k", b"worst", nowhere)])

    left = {one.value: one for one in await decided(log, directory) if one.id != letter.id}
    assert await directory.dead_letter(letter.id) == letter
    assert set(left) == {b"worse", b"no event", b"worst"}
    assert all(one.id == f"{one.partition}/{one.offset}" and one.tries == 1 for one in left.values())
    applied = [await directory.evidence(make_event_id("s", str(number))) for number in range(3)]
    assert None not in applied, "their own events are events like any other"


async def test_a_directory_built_anew_from_the_log_has_one_letter_for_each_record(
    embedded: Site, tmp_path: Path
) -> None:
    """Records and copies lie side by side there, and are read in one batch."""
    log, directory = await embedded.log(), await embedded.directory()
    (letter, _) = await buried(log, directory, b"no event", b"nor this")
    await redrive(log, directory, [letter, letter])
    before = await decided(log, directory)
    assert [one.tries for one in before] == [3, 1]
    fresh = SqliteDirectory(tmp_path / "fresh.db")
    await fresh.open()
    after = await decided(log, fresh)
    await fresh.close()
    assert [(one.id, one.value, one.tries) for one in after] == [(one.id, one.value, one.tries) for one in before]


async def test_redriving_what_dies_again_never_stops_the_processor(embedded: Site) -> None:
    """It drains nothing: there are no more letters than before."""
    log, directory = await embedded.log(), await embedded.directory()
    good = make_events(31, Load(count=60, people=10))
    for event in good[:30]:
        await append(log, [event, b"no event"], key=ONE_KEY)
    letters = await decided(log, directory, limits=Limits(dead_window=20, dead_share=0.9))
    await redrive(log, directory, letters)
    await append(log, good[30:], key=ONE_KEY)
    again = await decided(log, directory, limits=LIMITS)
    assert {letter.tries for letter in again} == {2}
    assert len(again) == 30
    assert await read_stop(directory) is None
    await check_applied_once(directory, good)


async def test_every_copy_of_an_event_that_dies_is_a_letter_wherever_batches_are_cut(embedded: Site) -> None:
    log, directory = await embedded.log(), await embedded.directory()
    await append(log, CROWD, key=ONE_KEY)
    assert await decided(log, directory, limits=SMALL) == []
    await append(log, [LATE[0], LATE[0], LATE[0]], key=ONE_KEY)
    letters = await decided(log, directory, limits=SMALL)
    assert [letter.offset for letter in letters] == [20, 21, 22]
    await redrive(log, directory, letters[::-1])
    assert [letter.tries for letter in await decided(log, directory, limits=SMALL)] == [2, 2, 2]
    await redrive(log, directory, letters[::-1])
    assert await decided(log, directory) == []
    await check_applied_once(directory, [*CROWD, LATE[0]])


# -------------------------------------------------------------------------------------------------- rows of imports


async def failed_rows(directory: Directory, import_id: str) -> int:
    return sum(gate.counts.get("failed", 0) for gate in await directory.gates([f"import:{import_id}"]))


def row(number: int, **more: Any) -> Event:
    return ann(f"i-1/{number}", number, **{"import": {"id": "i-1", "row": number}, **more})


@pytest.mark.parametrize("lane", [Lane.LIVE, Lane.BULK])
async def test_a_dead_letter_of_an_imports_row_is_a_failed_row_until_it_is_applied(site: Site, lane: Lane) -> None:
    log, directory = await site.log(), await site.directory()
    poison = Meddling(directory)

    async def break_on_poison(changes: Changes) -> None:
        if any(evidence.import_row in (("i-1", 3), ("i-1", 5)) for evidence in changes.evidence):
            raise ZeroDivisionError

    poison.before = break_on_poison
    await append(log, [row(number) for number in range(8)], lane=lane, key=ONE_KEY)
    await append(
        log, [b'{"type": "?", "import": {"id": "i-1", "row": 8}}', b'{"type": "?", "import": {"id": 1}}'], lane=lane
    )
    async with processing(log, poison.port):
        await at_rest(log, directory)
        letters = {letter.import_row: letter for letter in await all_letters(directory)}
        assert letters.keys() == {("i-1", 3), ("i-1", 5), ("i-1", 8), None}
        assert await failed_rows(directory, "i-1") == 3

        await redrive(log, directory, list(letters.values()))
        await at_rest(log, directory)
        assert {letter.tries for letter in await all_letters(directory)} == {2}
        assert await failed_rows(directory, "i-1") == 3, "dying again is no other row"

        poison.before = None
        await redrive(log, directory, [letters["i-1", 3], letters["i-1", 5], letters["i-1", 3]])
        await at_rest(log, directory)
        assert await failed_rows(directory, "i-1") == 1

        await redrive(log, directory, [letters["i-1", 8]], json.dumps(ann("other", 30)).encode())
        await until(lambda: _is_gone(directory, letters["i-1", 8]), "the edited letter is gone")
    assert await failed_rows(directory, "i-1") == 1, "something else was applied: the row itself has failed"
    await check_applied_once(directory, [*(row(number) for number in range(8)), ann("other", 30)])


async def _is_gone(directory: Directory, letter: DeadLetter) -> bool:
    return await directory.dead_letter(letter.id) is None
