"""Dead letters in a random history: records die at first, are redriven in any order, and the law still holds.

Records die because their component is too large for a small limit, or because they are out of luck (`Applier.bury`, as
after a fault of ours). Then the limit is lifted, and the letters are redriven, some twice and some to die again, among
what is still to come. At the end nothing is dead, and the directory is the fold of all events.
"""

from collections.abc import Sequence

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import DeadLetter, Directory, LogRecord, NewRecord
from contactfold.redriving import make_key, named_letter, write_copy
from oracle.checking import check_equal, come_to_rest
from oracle.choosing import Chooser, SeededChooser
from oracle.histories import Arrival
from oracle.making import Event
from oracle.places import IN_MEMORY, Place, Stage
from oracle.real import NOW, TRIES, Feed

PARTITIONS = ("contactfold.events/0", "contactfold.events/1")
UNLUCKY = 20
"""Percent of records that die whatever they are, while records may."""


class Mortal(Feed):
    """A feed whose records may die without a fault of their own."""

    def __init__(self, directory: Directory, partition: str, limit: int | None, deaths: Chooser | None) -> None:
        super().__init__(directory, partition, limit=limit)
        self._directory = directory
        self._deaths = deaths

    def write(self, place: int, event: Event) -> NewRecord:
        """An event of the history as it is appended."""
        record = self._record(event, self.offset, normal=bool(place % 2))
        return NewRecord(record.key or b"", record.value, record.headers)

    async def play(self, records: Sequence[NewRecord]) -> None:
        """Append records and apply them, together as far as none of them dies."""
        placed = [
            LogRecord(self.partition, self.offset + n, one.key, one.value, one.headers, NOW + self.offset + n)
            for n, one in enumerate(records)
        ]
        while placed:
            count = 1
            if await self._is_unlucky(placed[0]):
                await self._bury(placed[0])
            else:
                count = (await self._apply_first(placed, may_cut=True)).count
            placed = placed[count:]
            self.offset += count

    async def _is_unlucky(self, record: LogRecord) -> bool:
        named = named_letter(record)
        if self._deaths is None or not self._deaths.chance(UNLUCKY):
            return False
        # What another copy of its letter has settled is applied, and does not die of bad luck.
        return named is None or await self._directory.dead_letter(named) is not None

    async def _bury(self, record: LogRecord) -> None:
        for _ in range(TRIES):
            try:
                await self._applier.bury(record, ZeroDivisionError())
            except RetryOnFreshState:
                continue
            return
        raise AssertionError(f"a burial met a conflict {TRIES} times")


def check_that_redriving_keeps_the_law(
    events: Sequence[Event], arrival: Arrival, *, seed: str, limit: int, on: Stage = IN_MEMORY
) -> None:
    """Records of the first batches die, and of the redriven ones too; redriven at last, all of them live."""

    async def scene(place: Place) -> None:
        choose = SeededChooser(seed)
        directory = await place.directory()
        until = choose.number(1, len(arrival))
        feeds = [Mortal(directory, name, limit, choose) for name in PARTITIONS]
        for batch in arrival[:until]:
            feed = choose.one_of(feeds)
            await feed.play([feed.write(at, events[at]) for at in batch])
        place.tally.deaths += len(await _letters(directory))
        feeds = await _start_again(directory, choose)
        for batch in arrival[until:]:
            feed = choose.one_of(feeds)
            await feed.play([feed.write(at, events[at]) for at in batch])
            await _redrive(directory, feeds, choose, some=50)
        feeds = await _start_again(directory, None)
        await _redrive(directory, feeds, choose, some=100)
        assert await _letters(directory) == [], "a letter is left of a record that is applied"
        await come_to_rest(place, feeds)
        await check_equal(place, events)

    on.play(scene)


async def _start_again(directory: Directory, deaths: Chooser | None) -> list[Mortal]:
    """Other processors, which may rebuild whatever there is."""
    feeds = [Mortal(directory, name, None if deaths is None else 1_000_000, deaths) for name in PARTITIONS]
    for feed in feeds:
        await feed.recover()
    return feeds


async def _redrive(directory: Directory, feeds: Sequence[Mortal], choose: Chooser, *, some: int) -> None:
    """Redrive `some` percent of the letters in any order, in any batches, to any partition, now and then twice."""
    before = {letter.id: letter.tries for letter in await _letters(directory)}
    chosen = [letter for letter in await _letters(directory) if choose.chance(some)]
    chosen += [letter for letter in chosen if choose.chance(15)]
    key = await make_key(directory)
    while chosen:
        batch = [chosen.pop(choose.number(0, len(chosen) - 1)) for _ in range(choose.number(1, len(chosen)))]
        await choose.one_of(feeds).play([write_copy(letter, key) for letter in batch])
    for letter in await _letters(directory):
        assert letter.id in before, f"{letter.id} is a second letter of a record that has one"
        assert letter.tries >= before[letter.id], "a letter has forgotten a try"


async def _letters(directory: Directory) -> list[DeadLetter]:
    return await directory.dead_letters(after=None, limit=10_000)
