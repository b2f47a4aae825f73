"""The collections of the directory in MongoDB and the indexes they are found by.

All are made when the directory is opened: a transaction that had to make one would collide with its
neighbours. An index is sparse wherever most documents lack its field, so that they pay nothing for it.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from pymongo import IndexModel
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from contactfold.adapters.documents import as_bytes, readable
from contactfold.adapters.mongo_connecting import Database
from contactfold.adapters.mongo_lists import UNLISTED
from contactfold.domain.errors import ServerUnfit
from contactfold.ports import DIRECTORY_ID

FORMAT = b"8"
"""Raised whenever older versions of contactfold could not read what this one writes."""

_NAMESPACE_EXISTS = 48

INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "settings": (),
    "keys": (),
    "tokens": ("expires_at",),
    "positions": (),
    "contacts": ("component", "absorbed"),
    "claims": (),
    "components": (),
    "fragments": (),
    "evidence": ("stub",),
    "rules": (),
    "gates": ("_id.subject",),
    "settlings": (),
    "dead_letters": ("import.id",),
    "imports": ("running",),
    "schedules": (),
    "scheduled_files": (),
}
"""Every collection, with the fields that have a sparse index."""

SHARED: Final = "shared_id"
LOOSE: Final = "loose_id"
ERASED: Final = "erased_row"


def _sorted(field: str, *order: str, name: str, where: Mapping[str, Any] | None = None) -> IndexModel:
    """An index by a field and then in an order, of the documents that have the field. A sparse one would have all."""
    keys = [(key, 1) for key in (field, *order)]
    return IndexModel(keys, name=name, partialFilterExpression=where or {field: {"$exists": True}})


ORDERED: Final[dict[str, list[IndexModel]]] = {
    "contacts": [_sorted("shared", "_id", name=SHARED), _sorted("organizations", "_id", name="organizations_id")],
    "evidence": [
        _sorted("handle", "stamp", name="handle_stamp", where=UNLISTED),
        _sorted("account_id", "partition", "stamp", name="account_partition_stamp"),
        _sorted("import.id", "import.row", name="import_row"),
        _sorted("loose", "_id", name=LOOSE, where={"loose": True}),
        IndexModel(
            [("import.id", 1), ("_id", 1)],
            name=ERASED,
            partialFilterExpression={"import.id": {"$exists": True}, "erased_by": {"$exists": True}},
        ),
    ],
    "rules": [IndexModel("number", name="number", unique=True)],
}
"""The other indexes: what is read in pages is read in the order of its index."""


def _stored(settings: str) -> dict[str, Any]:
    return {"storageEngine": {"wiredTiger": {"configString": settings}}}


_SMALL, _SMALLEST = _stored("leaf_page_max=4KB"), _stored("leaf_page_max=2KB,allocation_size=2KB")

_PAGES: Final[dict[str, dict[str, Any]]] = {
    "contacts": {**_stored("leaf_page_max=8KB,block_compressor=none"), "indexOptionDefaults": _SMALL},
    "claims": {"indexOptionDefaults": _SMALL},
    "evidence": {"indexOptionDefaults": _SMALLEST},
}
"""Pages of the collections that grow without end, smaller than the server's own 32 and 16 KB.

Events come in no order that any of these keeps, so past what the server's cache holds each of them reads a page here
and there and writes it again: the smaller it is, the less for one document. A compressed page is up to four times as
large as it says, and compressed anew each time: contacts are made small one by one (`mongo_contacts`) and stay so.
"""


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
    for name, indexes in ORDERED.items():
        await database[name].create_indexes(indexes)
    await _keep_initial(database, "format", FORMAT)
    await _check_format(database)
    await _keep_initial(database, DIRECTORY_ID, secrets.token_hex(4).encode())


async def _keep_initial(database: Database, name: str, value: bytes) -> None:
    try:
        initial: dict[str, Any] = {"$setOnInsert": {"value": readable(value)}}
        await database["settings"].update_one({"_id": name}, initial, upsert=True)
    except DuplicateKeyError:
        pass  # another process made it in the same moment


async def _create(database: Database, name: str) -> None:
    """Make a collection with its pages; where a server is not to be told about pages, with its own."""
    try:
        await _create_with(database, name, _PAGES.get(name, {}))
    except OperationFailure:
        await _create_with(database, name, {})


async def _create_with(database: Database, name: str, options: dict[str, Any]) -> None:
    try:
        await database.create_collection(name, check_exists=False, **options)
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
