"""The collections of the directory in MongoDB and the indexes they are found by.

All are made when the directory is opened: a transaction that had to make one would collide with its
neighbours. An index is sparse wherever most documents lack its field, so that they pay nothing for it.
"""

from typing import Any, Final

from pymongo import IndexModel
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from contactfold.adapters.documents import as_bytes, readable
from contactfold.adapters.mongo_connecting import Database
from contactfold.domain.errors import ServerUnfit

FORMAT = b"1"
"""Raised whenever older versions of contactfold could not read what this one writes."""

_NAMESPACE_EXISTS = 48

INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "settings": (),
    "keys": (),
    "positions": (),
    "contacts": ("component", "absorbed", "organizations"),
    "claims": (),
    "components": (),
    "fragments": (),
    "evidence": ("account_id",),
    "dead_letters": (),
}
"""Every collection, with the fields that have a sparse index."""

EVIDENCE_OF_CONTACT: Final = IndexModel(
    [("handle", 1), ("stamp", 1)], name="handle_stamp", partialFilterExpression={"handle": {"$exists": True}}
)
"""A contact's evidence in the order of stamps. Not sparse, for every piece of evidence has a stamp."""


async def make_collections(database: Database) -> None:
    """Make what is missing. Raises `ServerUnfit` where the database has another format."""
    present = set(await database.list_collection_names())
    if "settings" in present:
        await _check_format(database)
    for name, fields in INDEXES.items():
        if name not in present:
            await _create(database, name)
        if fields:
            await database[name].create_indexes([IndexModel(field, name=field, sparse=True) for field in fields])
    await database["evidence"].create_indexes([EVIDENCE_OF_CONTACT])
    try:
        initial: dict[str, Any] = {"$setOnInsert": {"value": readable(FORMAT)}}
        await database["settings"].update_one({"_id": "format"}, initial, upsert=True)
    except DuplicateKeyError:
        pass  # another process made it in the same moment
    await _check_format(database)


async def _create(database: Database, name: str) -> None:
    try:
        await database.create_collection(name, check_exists=False)
    except CollectionInvalid:
        pass
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


async def _check_format(database: Database) -> None:
    stored = await database["settings"].find_one({"_id": "format"})
    found = as_bytes(stored["value"]) if stored else FORMAT
    if found != FORMAT:
        raise ServerUnfit(
            f"The database {database.name} has the format {found.decode(errors='replace')}, this version of "
            f"contactfold knows {FORMAT.decode()}: use the version that wrote it, or a new database."
        )
