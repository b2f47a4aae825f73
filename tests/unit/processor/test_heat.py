"""Which people are hot, and how batches are cut for them."""

import copy
import itertools
import json
from collections.abc import Sequence

from contactfold.config import Limits
from contactfold.ports import Changes, LogRecord, Window
from contactfold_processor.deciding import Decider
from contactfold_processor.heat import Cut, Heat
from fakes.memory_directory import MemoryDirectory
from oracle.real import NOW, SCHEMA

HOT = "hot@x.com"


def record(partition: int, offset: int, *emails: str) -> LogRecord:
    """What a program wrote straight to the topic."""
    event = {"id": f"{partition}/{offset}", "source": "shop", "values": {"email": list(emails)}}
    return LogRecord(f"contactfold.events/{partition}", offset, None, json.dumps(event).encode(), (), NOW)


def places(cut: Cut) -> list[tuple[int, int]]:
    return [(int(one.partition[-1]), one.offset) for one in cut.records]


async def decide(directory: MemoryDirectory, *records: LogRecord) -> Changes:
    return (await Decider(directory, SCHEMA, Limits()).decide(records, NOW)).changes


async def refused_by(directory: MemoryDirectory, rival: LogRecord, *records: LogRecord) -> Changes:
    """What a batch would write, which was decided before another processor wrote a record of its own."""
    changes = await decide(directory, *records)
    await directory.commit(copy.deepcopy(await decide(directory, rival)))
    return changes


async def learned(size: int = 1) -> Heat:
    """A heat that knows one hot person, who is also known as old@x.com; its batches of hot people have this size."""
    directory = MemoryDirectory()
    await directory.commit(await decide(directory, record(0, 0, HOT, "old@x.com")))
    refused = await refused_by(directory, record(1, 0, HOT), record(0, 1, HOT), record(0, 2, "cold@x.com"))
    heat = Heat(directory, SCHEMA)
    assert heat.learn(await heat.find_overtaken(refused))
    heat.pace.size = size
    return heat


def pending(*partitions: Sequence[str]) -> list[LogRecord]:
    """Records of some partitions, each told by the local part of its address."""
    return [
        record(number, offset, f"{name}@x.com")
        for number, names in enumerate(partitions)
        for offset, name in enumerate(names)
    ]


_offsets = itertools.count(100)


def is_hot(heat: Heat, name: str) -> bool:
    return heat.cut([record(0, next(_offsets), f"{name}@x.com")], 10).hot


async def test_nothing_is_hot_at_first() -> None:
    heat = Heat(MemoryDirectory(), SCHEMA)
    cut = heat.cut(pending(["hot", "a", "b"], ["c", "d"]), 4)
    assert places(cut) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert not cut.hot


async def test_what_comes_before_the_hot_ones_of_every_partition_is_one_batch() -> None:
    heat = await learned()
    cut = heat.cut(pending(["a", "b", "hot", "c"], ["d", "old", "e"], ["hot", "f"]), 1000)
    assert places(cut) == [(0, 0), (0, 1), (1, 0)]
    assert not cut.hot


async def test_a_batch_of_cold_ones_is_as_large_as_its_pace_allows() -> None:
    heat = await learned()
    assert places(heat.cut(pending(["a", "b", "hot"], ["d", "e", "f"]), 4)) == [(0, 0), (0, 1), (1, 0), (1, 1)]


async def test_the_hot_ones_at_the_head_of_the_partitions_are_committed_alone() -> None:
    heat = await learned()
    cut = heat.cut(pending(["hot", "a", "hot"], ["old", "hot", "b"]), 1000)
    assert places(cut) == [(0, 0), (1, 0)]
    assert cut.hot


async def test_every_identifier_of_a_hot_person_is_hot_and_no_other() -> None:
    heat = await learned()
    assert is_hot(heat, "old")
    assert not is_hot(heat, "cold")


async def test_where_hot_people_go_well_their_batches_take_what_is_between_them() -> None:
    """Up to the last hot one of a fair share: a commit of its own for each would cost more than it saves."""
    heat = await learned(size=8)
    cut = heat.cut(pending(["a", "hot", "b", "hot", "c"], ["d", "e", "f", "g", "hot"]), 1000)
    assert places(cut) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]
    assert cut.hot


async def test_what_was_applied_leads_on_to_the_next_records_in_order() -> None:
    """Cut after cut, every record is taken once, those of a partition in their order."""
    heat = await learned()
    waiting = pending(["a", "hot", "hot", "b", "c", "old"], ["hot", "d", "hot"], ["e", "f"])
    taken: list[tuple[int, int]] = []
    everything = [(int(one.partition[-1]), one.offset) for one in waiting]
    while waiting:
        cut = heat.cut(waiting, 3)
        assert cut.records
        taken += places(cut)
        waiting = [one for one in waiting if (int(one.partition[-1]), one.offset) not in taken]
    assert sorted(taken) == everything
    for partition in range(3):
        offsets = [offset for number, offset in taken if number == partition]
        assert offsets == sorted(offsets)


async def test_an_identifier_that_two_batches_have_just_made_is_hot() -> None:
    directory = MemoryDirectory()
    refused = await refused_by(directory, record(1, 0, HOT), record(0, 0, HOT), record(0, 1, "cold@x.com"))
    heat = Heat(directory, SCHEMA)
    assert heat.learn(await heat.find_overtaken(refused))
    assert is_hot(heat, "hot")
    assert not is_hot(heat, "cold")


async def test_people_whose_component_another_processor_wrote_are_hot() -> None:
    """Two people with one telephone: whoever writes one of them writes their component too."""
    directory = MemoryDirectory()
    people = [
        {"id": "1", "source": "shop", "values": {"customer_id": "1", "email": "a@x.com", "phone": "+14155550100"}},
        {"id": "2", "source": "shop", "values": {"customer_id": "2", "email": "b@x.com", "phone": "+14155550100"}},
    ]
    records = [
        LogRecord("contactfold.events/0", offset, None, json.dumps(event).encode(), (), NOW)
        for offset, event in enumerate(people)
    ]
    await directory.commit(await decide(directory, *records))
    refused = await refused_by(directory, record(1, 0, "a@x.com"), record(0, 2, "b@x.com"), record(0, 3, "c@x.com"))
    heat = Heat(directory, SCHEMA)
    assert heat.learn(await heat.find_overtaken(refused))
    assert is_hot(heat, "b")
    assert not is_hot(heat, "c")


async def test_people_in_common_are_counted_once_however_they_are_known() -> None:
    directory = MemoryDirectory()
    await directory.commit(await decide(directory, record(0, 0, "a@x.com", "old@x.com")))
    changes = await decide(directory, *(record(0, 1 + n, f"{name}@x.com") for n, name in enumerate("abcd")))
    await directory.commit(
        await decide(directory, *(record(1, n, f"{name}@x.com") for n, name in enumerate(("old", "b", "c"))))
    )
    overtaken = await Heat(directory, SCHEMA).find_overtaken(changes)
    assert overtaken.people == 3
    assert overtaken.identifiers == {f"email:{name}@x.com" for name in ("a", "old", "b", "c")}


async def test_whoever_has_applied_the_same_records_has_met_nobody() -> None:
    """A partition that another processor had just before: what it has written is no meeting."""
    directory = MemoryDirectory()
    refused = await refused_by(directory, record(0, 0, HOT), record(0, 0, HOT))
    partition = "contactfold.events/0"
    refused.positions = [Window(partition, 1)]
    await directory.commit(Changes(positions=[Window(partition, 1)]))
    overtaken = await Heat(directory, SCHEMA).find_overtaken(refused)
    assert (overtaken.people, overtaken.identifiers) == (0, set())


async def test_a_conflict_that_left_no_trace_teaches_nothing() -> None:
    directory = MemoryDirectory()
    changes = await decide(directory, record(0, 0, HOT))
    heat = Heat(directory, SCHEMA)
    assert not heat.learn(await heat.find_overtaken(changes))
    assert not is_hot(heat, "hot")


async def test_what_is_known_already_is_no_news() -> None:
    directory = MemoryDirectory()
    refused = await refused_by(directory, record(1, 0, HOT), record(0, 0, HOT))
    heat = Heat(directory, SCHEMA)
    assert heat.learn(await heat.find_overtaken(refused))
    assert not heat.learn(await heat.find_overtaken(refused))


async def test_when_hot_people_go_well_for_long_they_are_hot_no_more() -> None:
    heat = await learned()
    waiting = pending(["hot"] * 1000)
    for _ in range(40):
        cut = heat.cut(waiting, 1000)
        if not cut.hot:
            break
        heat.succeed()
    else:
        raise AssertionError("hot for ever")
    assert heat.pace.size == 1


async def test_a_record_that_cannot_be_read_is_cold() -> None:
    heat = await learned()
    broken = LogRecord("contactfold.events/0", 0, None, b"{", (), NOW)
    assert not heat.cut([broken], 10).hot
