"""Cutting files: what reaches the log, how far ahead, and what is done when something is away or gone."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from contactfold.ports import Lane, NewRecord
from contactfold.ports.imports import CANCELLED, COMPLETED, FAILED
from contactfold.wire import SCHEMA_HEADER
from contactfold_ingest.imports import cutting
from contactfold_ingest.imports.cutting import FARTHEST
from contactfold_ingest.imports.working import GIVEN_UP_AFTER
from fakes.ingest_service import Ingest, serving
from unit.ingest.cutting import apply, has_cut, has_status, look, people, understand, until, upload, working


async def test_every_row_is_a_record_and_the_refused_ones_say_what_only_the_file_shows(ingest: Ingest) -> None:
    file = b"Email,First Name,Labels\nann@example.com, Ann ,vip\na,b,c,d,e\n\nbob,Bob,\nc@example.com,Cy\n"
    import_id = await upload(ingest, file, source="crm", action="update")
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 4), "all rows are cut")
    records = await ingest.log.read_all(Lane.BULK)
    good, ragged, wrong, short = (understand(ingest, record) for record in records)
    assert [one.import_row for one in (good, ragged, wrong, short)] == [(import_id, row) for row in (2, 3, 5, 6)]
    assert [one.id for one in (good, wrong)] == [f"{import_id}/2", f"{import_id}/5"]
    assert {one.source for one in (good, ragged, wrong, short)} == {"crm"}
    assert (good.faults, good.values["first_name"], good.action) == ((), ("Ann",), "update")
    assert dict(records[0].headers)[SCHEMA_HEADER] == ingest.config.contact_schema.fingerprint.encode()
    assert [fault.code for fault in ragged.faults] == ["malformed_row"]
    assert [(fault.code, fault.field) for fault in wrong.faults] == [("invalid_email", "email")]
    assert good.received_at < wrong.received_at
    assert wrong.received_at - good.received_at == 3, "row i happens i microseconds after the import began"


async def test_a_file_is_never_cut_farther_ahead_than_may_be(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(FARTHEST + 3_000))
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, FARTHEST), "it is as far ahead as may be")
        await asyncio.sleep(0.4)  # long enough for it to go farther, if it would
        assert len(await ingest.log.read_all(Lane.BULK)) == FARTHEST
        await apply(ingest, import_id, created=1_500)
        await until(lambda: has_cut(ingest, import_id, FARTHEST + 1_000), "it goes on")
        await asyncio.sleep(0.3)
        assert len(await ingest.log.read_all(Lane.BULK)) == FARTHEST + 1_000
        shown = await look(ingest, import_id)
        assert (shown["status"], shown["total"], shown["counts"]["created"]) == ("in_progress", FARTHEST + 3_000, 1_500)


async def test_rows_are_written_a_few_at_a_time_once_the_log_holds_plenty(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "FARTHEST", 2_000)
    append, sizes, times = ingest.log.append, list[int](), list[float]()

    async def note(lane: Lane, records: Sequence[NewRecord]) -> None:
        sizes.append(len(records))
        times.append(time.monotonic())
        await append(lane, records)

    monkeypatch.setattr(ingest.log, "append", note)
    import_id = await upload(ingest, people(3_000))
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 2_000), "it is as far ahead as may be")
        begun = len(sizes)
        await asyncio.sleep(0.1)  # until it has looked whether there is room
        await apply(ingest, import_id, created=1_000)
        await until(lambda: has_cut(ingest, import_id, 3_000), "the rest is cut")
    assert max(sizes) <= 100, "every live event would wait for them"
    assert times[-1] - times[begun] > 0.1, "nor may all of them come at once"


async def test_an_import_is_completed_once_its_gates_have_counted_every_row(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(3))
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 3), "it is cut")
        await apply(ingest, import_id, created=1, updated=1)
        await asyncio.sleep(0.6)
        shown = await look(ingest, import_id)
        assert (shown["status"], shown["percent"], shown["counts"]["not_applied"]) == ("in_progress", 66.6, 1)
        await apply(ingest, import_id, failed=1)
        await until(lambda: has_status(ingest, import_id, COMPLETED), "it is completed")
    shown = await look(ingest, import_id)
    assert shown["counts"] == {"created": 1, "updated": 1, "unchanged": 0, "ignored": 0, "failed": 1, "not_applied": 0}


async def test_a_process_that_ended_before_it_noted_its_rows_writes_the_same_ones_again(ingest: Ingest) -> None:
    """The same bytes, but for nothing: so the directory drops them by their ids."""
    import_id = await upload(ingest, people(1_500))
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 1_500), "it is cut")
    first = [record.value for record in await ingest.log.read_all(Lane.BULK)]
    (one,) = await ingest.directory.imports([import_id])
    one.cut, one.cursor, one.whole = 1_000, 1_001, False
    await ingest.directory.keep_import(one)
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 1_500), "it is cut again")
    both = [record.value for record in await ingest.log.read_all(Lane.BULK)]
    assert both == [*first, *first[1_000:]]


async def test_a_log_that_is_away_is_waited_for(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(10))
    ingest.log.away = True
    async with working(ingest):
        await asyncio.sleep(0.5)
        assert (await look(ingest, import_id))["status"] == "in_progress"
        ingest.log.away = False
        await until(lambda: has_cut(ingest, import_id, 10), "it goes on")
    assert len(await ingest.log.read_all(Lane.BULK)) == 10


async def test_a_row_too_large_for_a_record_fails_and_keeps_no_other_out(ingest: Ingest) -> None:
    """Whether it is our limit or the log's own."""
    file = f"Email,First Name\na@example.com,{'x' * 20_000}\nb@example.com,Bo\nc@example.com,{'y' * 2_000}\n".encode()
    import_id = await upload(ingest, file)
    ingest.log.largest = 1_500
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 3), "it is cut")
    found = [understand(ingest, record) for record in await ingest.log.read_all(Lane.BULK)]
    assert [one.import_row[1] for one in found] == [2, 3, 4]
    assert [[fault.code for fault in one.faults] for one in found] == [["record_too_large"], [], ["record_too_large"]]


async def test_contacts_as_json_are_what_they_are_in_an_event(ingest: Ingest) -> None:
    contacts = [
        {"E-Mail": ["ann@example.com"], "first_name": "", "labels": "a;b", "Account Name": "Office Mart", "age": 7},
        {"email": "bob@example.com", "E-Mail": "eve@example.com", "City": None},
        "nobody",
        {"first_name": "Cy"},
    ]
    options = {"split": {"labels": ";"}, "match_on": ["email"], "on_many": "first", "mapping": {"age": None}}
    reply = await ingest.client.post("/v1/imports", json={"contacts": contacts, "options": options})
    import_id = reply.json()["id"]
    async with working(ingest):
        await until(lambda: has_cut(ingest, import_id, 4), "it is cut")
    ann, both, nobody, unnamed = (understand(ingest, record) for record in await ingest.log.read_all(Lane.BULK))
    assert ann.faults == ()
    assert ann.values == {"email": ("ann@example.com",), "first_name": (), "labels": ("a", "b")}
    assert (ann.organization.account_id, ann.organization.fields) == ("Office Mart", {"name": "Office Mart"})
    assert (ann.match_on, ann.on_many) == (("email",), "first")
    assert ann.ignored_fields == ("age",)
    assert [fault.code for fault in both.faults] == ["duplicate_field"]
    assert [fault.code for fault in nobody.faults] == ["not_an_event"]
    assert [fault.code for fault in unnamed.faults] == ["no_identifier"]


async def test_a_row_without_a_mandatory_value_fails(tmp_path: Path) -> None:
    attributes = [{"key": "email", "type": "email", "channel": "email"}, {"key": "first_name", "mandatory": True}]
    async with serving(tmp_path, {"schema": {"attributes": attributes}}) as ingest:
        reply = await ingest.client.post("/v1/imports", json={"contacts": [{"email": "a@example.com"}]})
        assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "missing_field")
        body = {"contacts": [{"email": "a@example.com", "first_name": "Ann"}, {"email": "b@example.com"}]}
        import_id = (await ingest.client.post("/v1/imports", json=body)).json()["id"]
        async with working(ingest):
            await until(lambda: has_cut(ingest, import_id, 2), "it is cut")
        found = [understand(ingest, record) for record in await ingest.log.read_all(Lane.BULK)]
        assert [[(fault.code, fault.field) for fault in one.faults] for one in found] == [
            [],
            [("missing_field", "first_name")],
        ]


async def test_an_import_of_another_process_is_left_alone_until_nobody_works_on_it_for_long(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(5))
    (one,) = await ingest.directory.imports([import_id])
    one.place = "another"
    await ingest.directory.keep_import(one)
    async with working(ingest):
        await asyncio.sleep(0.5)
        assert (await look(ingest, import_id))["status"] == "pending"
        ingest.clock.now += GIVEN_UP_AFTER + 1
        (ingest.deps.shelf.find(import_id)).unlink()
        await until(lambda: has_status(ingest, import_id, FAILED), "it has failed")
    assert "The file is gone" in (await look(ingest, import_id))["detail"]


async def test_what_an_upload_left_that_never_ended_is_removed_at_the_start(ingest: Ingest) -> None:
    path, file = ingest.deps.shelf.begin()
    file.close()
    kept = await upload(ingest, people(1))
    async with working(ingest):
        await until(lambda: has_cut(ingest, kept, 1), "it works")
    assert not path.exists()
    assert ingest.deps.shelf.has(kept)


async def test_an_import_that_is_cancelled_before_it_began_still_says_how_many_rows_it_had(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(7))
    assert (await ingest.client.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
    async with working(ingest):
        await until(lambda: has_status(ingest, import_id, CANCELLED), "it is cancelled")
    shown = await look(ingest, import_id)
    assert (shown["total"], shown["counts"]["not_applied"], shown["detail"]) == (7, 7, "0 of its rows were applied.")
    assert await ingest.log.read_all(Lane.BULK) == []


async def test_an_import_that_is_cancelled_and_whose_file_is_no_table_any_more_ends_all_the_same(
    ingest: Ingest,
) -> None:
    import_id = await upload(ingest, people(7))
    await ingest.client.post(f"/v1/imports/{import_id}/cancel")
    ingest.deps.shelf.find(import_id).write_bytes(b"PK\x03\x04 no workbook")
    async with working(ingest):
        await until(lambda: has_status(ingest, import_id, CANCELLED), "it is cancelled")
    assert (await look(ingest, import_id))["total"] == 0


async def test_an_import_whose_file_was_changed_into_no_table_fails_and_says_why(ingest: Ingest) -> None:
    import_id = await upload(ingest, people(7))
    ingest.deps.shelf.find(import_id).write_bytes(b"PK\x03\x04 no workbook")
    async with working(ingest):
        await until(lambda: has_status(ingest, import_id, FAILED), "it has failed")
    assert (await look(ingest, import_id))["detail"].endswith("0 of its rows were applied.")
