"""Every directory has an id of its own, kept by every adapter that has a server or a file."""

import asyncio

import pytest

from contactfold.ports import DIRECTORY_ID
from contract.directory_objects import Place

pytestmark = pytest.mark.parametrize("place", ["sqlite", "mongo"], indirect=True)


async def test_a_directory_has_one_id_whoever_opens_it_first_and_keeps_it(place: Place) -> None:
    opened = await asyncio.gather(*(place.another() for _ in range(4)))
    found = {await directory.setting(DIRECTORY_ID) for directory in opened}
    (one,) = found
    assert one is not None
    assert one.isalnum()
    await opened[0].close()
    assert await (await place.another()).setting(DIRECTORY_ID) == one
