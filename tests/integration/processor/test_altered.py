"""Somebody changes a contact in MongoDB's shell: who is told, what goes on, and how it is mended."""

from typing import Any

import msgspec
import pytest
from pymongo import AsyncMongoClient

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.config import Limits
from contactfold.domain.errors import Altered
from contactfold.domain.schema import default_schema
from contactfold.ports import LogRecord
from contactfold_processor.applying import Applier

PARTITION = "contactfold.events/0"


def record(offset: int, name: str, city: str) -> LogRecord:
    values = {"email": [f"{name}@example.com"], "city": city}
    event = {"id": f"e{offset}", "source": "shop", "type": "contact.upsert", "values": values}
    event |= {"occurred_at": f"2026-01-01T00:00:{offset:02}Z", "received_at": "2026-01-02T00:00:00Z"}
    return LogRecord(PARTITION, offset, None, msgspec.json.encode(event), (), 0)


async def test_events_about_a_contact_that_somebody_changed_wait_as_dead_letters_and_all_others_go_on(
    mongo_url: str,
) -> None:
    directory = MongoDirectory(mongo_url)
    await directory.open()
    client = AsyncMongoClient[dict[str, Any]](mongo_url)
    contacts = client.get_default_database()["contacts"]
    limits = Limits()
    schema = default_schema()
    await Applier(directory, schema, limits, lambda: 0).apply([record(0, "ann", "Oslo"), record(1, "bob", "Oslo")])

    async def apply_all(records: list[LogRecord]) -> None:
        applier = Applier(directory, schema, limits, lambda: 0)
        await applier.load_windows([PARTITION])
        while records:
            records = records[(await applier.apply(records)).count :]

    changed = {"values.email": "ann@example.com"}
    await contacts.update_one(changed, {"$set": {"values.city": "Rome"}})
    with pytest.raises(Altered, match="was changed in MongoDB by something other than contactfold"):
        await directory.list_contacts(after=None, limit=10)
    await apply_all([record(2, "ann", "Bonn"), record(3, "bob", "Bonn"), record(4, "cid", "Bonn")])
    [letter] = await directory.dead_letters(after=None, limit=10)
    assert (letter.offset, letter.code) == (2, "not_applied")
    assert "was changed in MongoDB by something other than contactfold" in letter.reason

    await contacts.update_one(changed, {"$set": {"values.city": "Oslo"}})
    await apply_all([record(5, "ann", "Cork")])
    cities = {str(one.single["city"][1]) for one in await directory.list_contacts(after=None, limit=10)}
    assert cities == {"Bonn", "Cork"}
    await directory.close()
    await client.close()
