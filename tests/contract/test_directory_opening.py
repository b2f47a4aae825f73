"""What lasts and what ends when a directory is opened and closed, of every adapter that has a server or a file."""

import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.errors import Unavailable
from contactfold.ports import Directory
from contract.directory_objects import P0, Place, contact, event_id, everything, key, position, stored

pytestmark = pytest.mark.parametrize("place", ["sqlite", "mongo"], indirect=True)


async def test_everything_is_there_after_closing_and_opening_again(place: Place) -> None:
    first = await place.another()
    await first.commit(everything())
    await first.add_key(key("a"))
    await first.set_setting("stopped", b"yes")
    await first.close()
    await first.close()
    second = await place.another()
    assert await second.contacts([event_id("ann")]) == {event_id("ann"): stored(contact("ann"))}
    assert await second.positions([P0]) == {P0: position(7, found=7, recent=b"\0\1\0")}
    assert await second.keys() == [key("a")]
    assert await second.setting("stopped") == b"yes"


async def test_a_probe_passes_while_the_directory_can_be_written_and_leaves_no_trace(directory: Directory) -> None:
    await directory.commit(everything())
    await directory.probe()
    await directory.probe()
    assert await directory.counts() == {"contacts": 2, "evidence": 2, "dead_letters": 1}


async def test_a_closed_directory_is_unavailable(place: Place) -> None:
    directory = await place.another()
    await directory.close()
    for question in (directory.probe(), directory.positions([P0]), directory.commit(everything())):
        with pytest.raises(Unavailable):
            await question


async def test_a_directory_tells_its_format(directory: Directory) -> None:
    """What older versions do not know they refuse to open."""
    assert await directory.setting("format") == (b"4" if isinstance(directory, SqliteDirectory) else b"8")
