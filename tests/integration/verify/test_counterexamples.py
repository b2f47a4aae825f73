"""Histories whose directories a verification once found at odds with their own evidence."""

import pytest

from contactfold.domain.stamp import format_event_id, make_event_id
from fakes.memory_directory import MemoryDirectory
from integration.verify.test_random_histories import play
from oracle.making import Event


def at(second: int, **said: object) -> Event:
    """An event of this second, by a source and id of its own."""
    moment = f"2026-01-01T00:00:{second:02}.000000Z"
    name = f"e{second}"
    return {"id": name, "source": "shop", "occurred_at": moment, "received_at": "2026-01-01T00:16:40.000000Z", **said}


def says(second: int, *mails: str) -> Event:
    """Somebody who goes by these addresses."""
    return at(second, type="contact.upsert", values={"email": list(mails)})


BOTH = says(1, "p2@x.com", "p0@x.com")
ONE = says(2, "p2@x.com")
TAKEN_BACK = at(3, type="event.retract", events=[format_event_id(make_event_id("shop", "e1"))])
SHARED = at(4, type="identifier.share", identifiers=["email:p0@x.com"])
ERASED = at(5, type="contact.erase", identifier="email:p2@x.com")
SHARED_NO_MORE = at(6, type="event.retract", events=[format_event_id(make_event_id("shop", "e4"))])


@pytest.mark.parametrize(
    "events",
    [
        [BOTH, ONE, TAKEN_BACK, SHARED, ERASED],
        [BOTH, ONE, TAKEN_BACK, ERASED, SHARED],
        [BOTH, ONE, TAKEN_BACK, SHARED, ERASED, SHARED_NO_MORE],
        [BOTH, ONE, TAKEN_BACK, SHARED, SHARED_NO_MORE, ERASED],
    ],
    ids=["shared before", "shared after", "shared no more after", "shared no more before"],
)
async def test_a_retracted_event_that_was_erased_mentions_nothing_that_is_shared(events: list[Event]) -> None:
    """Whether it was words or a skeleton already when the erasure came by; and mentions it again where it is not."""
    await play((events, [[place] for place in range(len(events))]), [MemoryDirectory()])
