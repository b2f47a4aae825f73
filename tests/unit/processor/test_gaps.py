"""Accepted gaps: good for one, and written down for ever."""

from contactfold.domain.errors import RecordsGone
from contactfold_processor.gaps import Gap, accept_gap, is_accepted, list_gaps, take_gap
from fakes.memory_directory import MemoryDirectory

PARTITION = "contactfold.events/0"


async def test_an_acceptance_is_good_for_one_gap_and_not_for_a_later_one_at_the_same_place() -> None:
    directory = MemoryDirectory()
    await accept_gap(directory, RecordsGone(PARTITION, 100, 200, 300))
    assert await is_accepted(directory, RecordsGone(PARTITION, 100, 250, 300))
    await take_gap(directory, RecordsGone(PARTITION, 100, 250, 300))
    assert not await is_accepted(directory, RecordsGone(PARTITION, 100, 700, 800))
    assert await list_gaps(directory, PARTITION) == [Gap(100, 250, taken=True)]


async def test_a_gap_accepted_twice_is_one_gap() -> None:
    directory = MemoryDirectory()
    for _ in range(2):
        await accept_gap(directory, RecordsGone(PARTITION, 100, 200, 300))
    assert await list_gaps(directory, PARTITION) == [Gap(100, 200)]


async def test_a_gap_that_another_has_stepped_over_meanwhile_is_not_written_down_again() -> None:
    directory, gone = MemoryDirectory(), RecordsGone(PARTITION, 100, 200, 300)
    await accept_gap(directory, gone)
    await take_gap(directory, gone)
    await accept_gap(directory, gone)
    assert await list_gaps(directory, PARTITION) == [Gap(100, 200, taken=True)]
    assert await is_accepted(directory, gone)


async def test_the_gaps_of_one_partition_are_not_anothers() -> None:
    directory = MemoryDirectory()
    await accept_gap(directory, RecordsGone(PARTITION, 100, 200, 300))
    assert not await is_accepted(directory, RecordsGone("contactfold.events/1", 100, 200, 300))
