"""How contactfold meets a MongoDB: the client, what the server must be able to do, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contactfold.adapters.documents import Document
from contactfold.domain.errors import (
    Collided,
    ContactfoldError,
    Misconfigured,
    RetryOnFreshState,
    ServerUnfit,
    TooLarge,
    Unavailable,
    Unwilling,
)

Client: TypeAlias = AsyncMongoClient[Document]
Database: TypeAlias = AsyncDatabase[Document]

DURABLE = WriteConcern("majority", j=True)
SETTLED = ReadConcern("majority")
DEFAULT_DATABASE = "contactfold"

_DEFAULTS = {
    "connectTimeoutMS": 3000,
    "socketTimeoutMS": 30_000,
    "heartbeatFrequencyMS": 2000,
    "appname": "contactfold",
}
"""What holds where the address does not say otherwise. A server that hangs must not hang contactfold with it, and
one that steps down and up again is seen before a call gives up."""

_COLLISIONS = {24, 46, 112, 225, 251, 290}
"""LockTimeout, LockBusy, WriteConflict, TransactionTooOld, NoSuchTransaction, a transaction that lived too long."""

_DUPLICATE = 11000
"""A duplicate key, which the server does not call transient: somebody has committed what was to be added."""

_AWAY = {6, 7, 50, 64, 79, 89, 91, 100, 134, 189, 239, 246, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031}
"""Hosts, sockets and primaries that are gone or going, writes a majority did not take, old snapshots, a full disk."""

_REFUSED = {13, 18, 8000}
"""Unauthorized, AuthenticationFailed, and what MongoDB's own cloud says for both."""

_TOO_LARGE = 10334

NO_ADDRESS = (
    "CONTACTFOLD_DIRECTORY: this is no address of a MongoDB; write it like "
    "mongodb://user:password@host:27017/contactfold?replicaSet=rs0, "
    "with special characters of user and password percent-encoded."
)
REFUSED_USER = (
    "CONTACTFOLD_DIRECTORY: MongoDB refuses this user: check user and password (and authSource), "
    "and that the user may read, write and create collections in the database."
)
MAKE_REPLICA_SET = (
    "contactfold needs transactions, which MongoDB has on a replica set only (one node will do): "
    "start mongod with --replSet rs0 and run rs.initiate() once."
)


def connect(url: str, selection_timeout: float) -> Client:
    """A client for the address, not connected yet. Raises `Misconfigured`, never repeating a password."""
    options: dict[str, Any] = {"serverSelectionTimeoutMS": round(selection_timeout * 1000), **_DEFAULTS}
    given = url.lower()
    options = {name: value for name, value in options.items() if f"{name.lower()}=" not in given}
    try:
        return AsyncMongoClient(url, **options)
    except (InvalidURI, ConfigurationError, ValueError, TypeError):
        raise Misconfigured([NO_ADDRESS]) from None


async def require_transactions(client: Client, url: str) -> None:
    """Return where the server has transactions; raise `ServerUnfit` where not, `Unavailable` where none answers."""
    try:
        with translated():
            hello = await client.admin.command("hello")
    except Unavailable as error:
        if isinstance(error.__cause__, ServerSelectionTimeoutError):
            await _explain(url)
        raise
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ServerUnfit(f"This MongoDB is not part of a replica set. {MAKE_REPLICA_SET}")


async def _explain(url: str) -> None:
    """Raise `ServerUnfit` where no server was selected although one answers: it is not in that replica set."""
    try:
        async with AsyncMongoClient[Document](
            url, directConnection=True, replicaSet=None, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000
        ) as direct:
            hello = await direct.admin.command("hello")
    except (PyMongoError, ValueError):
        return
    name = hello.get("setName")
    if name is None:
        raise ServerUnfit(f"This MongoDB is not part of a running replica set. {MAKE_REPLICA_SET}")
    if f"replicaset={name.lower()}" not in url.lower() and "replicaset=" in url.lower():
        raise ServerUnfit(f"This MongoDB belongs to the replica set {name}, not to the one that the address names.")


@contextmanager
def translated() -> Iterator[None]:
    """MongoDB's errors as the port's: named for what the caller can do."""
    try:
        yield
    except PyMongoError as error:
        meaning = translate(error)
        if meaning is None:
            raise
        raise meaning from error


def translate(error: PyMongoError) -> ContactfoldError | None:
    """What an error of the driver means to the caller, or None for what nobody expects."""
    if isinstance(error, ConnectionFailure):
        # The rest of the driver's text is a dump of its view of the topology.
        return Unavailable("directory", str(error).split(", Timeout:")[0].split(" (configured timeouts")[0])
    if isinstance(error, InvalidOperation) and "after close" in str(error):
        return Unavailable("directory", "it has been closed.")
    if isinstance(error, DocumentTooLarge) or (isinstance(error, OperationFailure) and error.code == _TOO_LARGE):
        return TooLarge("MongoDB takes no document of more than 16 MiB.")
    if isinstance(error, ConfigurationError):
        return ServerUnfit(f"This MongoDB cannot be used: {error}")
    if isinstance(error, OperationFailure):
        return _translate_failure(error)
    return None


def _translate_failure(error: OperationFailure) -> ContactfoldError:
    codes = _codes(error)
    if codes & _REFUSED:
        return Misconfigured([REFUSED_USER])
    if _DUPLICATE in codes:
        return RetryOnFreshState("Another writer has added one of these objects since it was looked for.")
    if codes & _COLLISIONS or (error.has_error_label("TransientTransactionError") and not codes & (_AWAY - {239, 246})):
        return Collided("Another writer has written one of these objects at the same time.")
    # The text may hold personal data, the name of the code does not.
    name = (error.details or {}).get("codeName", "an error of its own")
    told = f"MongoDB answers {name} ({', '.join(map(str, sorted(codes)))})."
    return Unavailable("directory", told) if codes & _AWAY else Unwilling("directory", told)


def _codes(error: OperationFailure) -> set[int]:
    codes = {error.code} if error.code is not None else set()
    if isinstance(error, BulkWriteError):
        codes |= {one["code"] for one in error.details.get("writeErrors", ())}
        codes |= {one["code"] for one in error.details.get("writeConcernErrors", ())}
    return codes
