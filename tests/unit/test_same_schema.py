"""A directory keeps the meaning of its schema, takes what does no harm, and is not opened with anything else."""

import asyncio
from dataclasses import replace

import pytest

from contactfold.domain.compatibility import tell_meaning
from contactfold.domain.errors import SchemaChanged, ServerUnfit, Unavailable
from contactfold.domain.schema import Attribute, Schema, default_schema
from contactfold.lifetime import Parts
from contactfold.same_schema import SETTING, SameSchema, hold_schema, schema_of, stored_meaning
from fakes.memory_directory import MemoryDirectory

SCHEMA = default_schema()
LARGER = Schema((*SCHEMA.attributes, Attribute("shoe_size", "Shoe size", "integer")))
OTHER = Schema(
    tuple(replace(one, multi=False, is_key=True) if one.key == "email" else one for one in LARGER.attributes)
)


async def opened() -> MemoryDirectory:
    directory = MemoryDirectory()
    await directory.open()
    return directory


async def test_a_new_directory_keeps_the_first_schema() -> None:
    directory = await opened()
    await hold_schema(directory, SCHEMA)
    await hold_schema(directory, SCHEMA)
    with pytest.raises(SchemaChanged):
        await hold_schema(directory, OTHER)


async def test_a_change_that_does_no_harm_is_kept_at_once() -> None:
    directory = await opened()
    await hold_schema(directory, SCHEMA)
    await hold_schema(directory, LARGER)
    with pytest.raises(SchemaChanged) as caught:
        await hold_schema(directory, SCHEMA)
    assert caught.value.changes == ["The attribute shoe_size is gone."]


async def test_a_refusal_names_every_change_and_both_ways_out_and_changes_nothing() -> None:
    directory = await opened()
    await hold_schema(directory, SCHEMA)
    before = await directory.setting(SETTING)
    with pytest.raises(SchemaChanged) as caught:
        await hold_schema(directory, OTHER)
    first, *changes, undo, build, compare, switch = str(caught.value).splitlines()
    assert first == "The directory was folded with another schema, and cannot go on with this one:"
    assert changes == [
        "The attribute email was a channel and is now a key and a channel.",
        "The attribute email had several values and has now one value.",
    ]
    assert undo == "Undo this in the configuration, or let a new directory build itself from the log:"
    assert build.startswith("1. With servers: ")
    assert "CONTACTFOLD_DIRECTORY" in build
    assert "Embedded: stop `contactfold up`, name a new CONTACTFOLD_DATA_DIR" in build
    assert compare == "2. When no record waits any more, see what differs: `contactfold diff OLD NEW`."
    assert switch.startswith("3. ")
    assert await directory.setting(SETTING) == before


async def test_what_only_reads_stores_nothing_and_refuses_all_the_same() -> None:
    directory = await opened()
    await hold_schema(directory, SCHEMA, keeps=False)
    assert await directory.setting(SETTING) is None
    await hold_schema(directory, SCHEMA)
    before = await directory.setting(SETTING)
    await hold_schema(directory, LARGER, keeps=False)
    assert await directory.setting(SETTING) == before
    with pytest.raises(SchemaChanged):
        await hold_schema(directory, OTHER, keeps=False)


async def test_processes_that_begin_at_once_with_one_schema_do_not_disturb_each_other() -> None:
    directory = await opened()
    await hold_schema(directory, SCHEMA)
    await asyncio.gather(*(hold_schema(directory, LARGER) for _ in range(5)))
    await hold_schema(directory, LARGER)


class OvertakenDirectory(MemoryDirectory):
    """A directory into which another process stores its schema right after ours."""

    overtaking: Schema | None = None

    async def set_setting(self, name: str, value: bytes | None) -> None:
        await super().set_setting(name, value)
        if self.overtaking is not None:
            schema, self.overtaking = self.overtaking, None
            await super().set_setting(name, None)
            await hold_schema(self, schema)


async def test_a_process_that_is_overtaken_by_another_schema_is_refused() -> None:
    directory = OvertakenDirectory()
    await directory.open()
    directory.overtaking = OTHER
    with pytest.raises(SchemaChanged):
        await hold_schema(directory, SCHEMA)
    await hold_schema(directory, OTHER)


async def test_a_schema_that_a_newer_version_wrote_is_not_guessed_at() -> None:
    directory = await opened()
    await directory.set_setting(SETTING, b'{"normalisers": "seven"}')
    with pytest.raises(ServerUnfit, match="a newer one has written it"):
        await hold_schema(directory, SCHEMA)


class AwayPart:
    """A part whose server never comes."""

    closed = False
    tried_when_closed = False

    async def open(self) -> None:
        self.tried_when_closed = self.tried_when_closed or self.closed
        raise Unavailable("log", "it is away.")

    async def close(self) -> None:
        self.closed = True

    async def probe(self) -> None:
        raise Unavailable("log", "it is away.")


@pytest.mark.parametrize("within", [None, 5.0])
async def test_a_refusal_does_not_wait_for_a_log_that_is_away(within: float | None) -> None:
    directory, log = await opened(), AwayPart()
    await hold_schema(directory, SCHEMA)
    parts = Parts(log=log, directory=SameSchema(directory, OTHER))
    with pytest.raises(SchemaChanged):
        await (parts.open() if within is None else parts.open_within(within))
    await parts.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if not task.done()]
    assert not log.tried_when_closed


async def test_a_directory_is_read_by_the_schema_it_was_folded_with_whatever_the_configuration_says() -> None:
    directory = await opened()
    assert await stored_meaning(directory) is None
    await hold_schema(directory, OTHER)
    meaning = await stored_meaning(directory)
    assert meaning is not None
    assert tell_meaning(schema_of(meaning)) == meaning == tell_meaning(OTHER)
