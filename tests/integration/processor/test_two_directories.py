"""Two directories on one log: each is built from all of it, while the processors of both run."""

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.ports import DIRECTORY_ID, Directory
from e2e.loads import Load, make_events
from integration.processor.rig import Site, append, at_rest, check_applied_once, export_of, processing


async def beside(site: Site) -> Directory:
    """A second directory on the site's log."""
    first = site.make_directory()
    if isinstance(first, SqliteDirectory):
        second: Directory = SqliteDirectory(first._path.with_name("second.db"))
    else:
        assert isinstance(first, MongoDirectory)
        second = MongoDirectory(first._url.replace("/t", "/second-t"))
    site.opened.append(second)
    await second.open()
    return second


async def test_a_new_directory_is_built_from_all_of_the_log_while_the_old_one_goes_on(site: Site) -> None:
    events = make_events(61, Load(count=1200, people=80))
    log, old = await site.log(), await site.directory()
    await append(log, events[:800])
    async with processing(log, old):
        await at_rest(log, old)
        new = await beside(site)
        assert await new.setting(DIRECTORY_ID) != await old.setting(DIRECTORY_ID)
        async with processing(await site.log(), new):
            await append(log, events[800:])
            await at_rest(log, old)
            await at_rest(log, new)
    await check_applied_once(old, events)
    await check_applied_once(new, events)
    assert await export_of(old) == await export_of(new)
