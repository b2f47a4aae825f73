"""Beginning an import: once that is done, its file and what is to become of it are durable."""

import asyncio

from contactfold.domain.errors import RetryOnFreshState, Unavailable
from contactfold.ports import Directory, Import
from contactfold.ports.imports import PENDING
from contactfold.tables.options import options_object
from contactfold_ingest.imports.identifying import make_import_id
from contactfold_ingest.imports.looking import Received
from contactfold_ingest.imports.repeating import promise
from contactfold_ingest.imports.shelf import Shelf


async def begin_import(
    directory: Directory, shelf: Shelf, received: Received, began: int, *, key: str | None = None
) -> Import:
    """Keep what was brought, and tell the directory; `began` is now, in microseconds since 1970.

    Where it was brought before with the same `key`, the import is the one that it became then. Raises `OSError` where
    it cannot be kept, `Problem` where the key stands for something else, and `Unavailable` where the directory is away.
    That may have heard of it all the same: then the import ends as one whose file is gone, or, with a key, goes on.
    """
    if key is not None:
        return await _begin_once(directory, shelf, received, began, key)
    import_id = make_import_id(began)
    place = await asyncio.to_thread(shelf.keep, received.path, import_id)
    one = make_import(import_id, received, place, began)
    try:
        await directory.keep_import(one)
    except Unavailable:
        shelf.drop(shelf.find(import_id))
        raise
    return one


async def _begin_once(directory: Directory, shelf: Shelf, received: Received, began: int, key: str) -> Import:
    promised = await promise(directory, key, received, began)
    found = [] if promised.is_new else await directory.imports([promised.import_id])
    if found:
        return found[0]
    # Where another request is about to do the same, the file is the same too.
    place = await asyncio.to_thread(shelf.keep, received.path, promised.import_id)
    one = make_import(promised.import_id, received, place, began)
    try:
        await directory.keep_import(one)
    except RetryOnFreshState:
        return (await directory.imports([one.id]))[0]
    return one


def make_import(import_id: str, received: Received, place: str, began: int) -> Import:
    """The import of what was brought, as it is when it begins."""
    return Import(
        import_id,
        received.name,
        received.shape,
        options_object(received.options),
        received.options.source,
        place,
        began,
        PENDING,
        seen_at=began,
    )
