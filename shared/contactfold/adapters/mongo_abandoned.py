"""Transactions whose client is gone, killed in the middle of a batch, ended as soon as they stand in the way.

MongoDB keeps what a transaction has locked although its client's connection is gone, until the transaction has lived
`transactionLifetimeLimitSeconds` (60 unless set). Whoever meets such a lock ends the transaction instead.
"""

import contextlib
import time
from typing import Any, TypeAlias

import structlog
from pymongo import ReadPreference
from pymongo.errors import PyMongoError

from contactfold.adapters.mongo_connecting import Client

_log = structlog.get_logger(__name__)

IDLE_FOR = 3.0
"""Seconds without a command after which a transaction of contactfold's counts as abandoned.

A batch sends its commands one straight after the other. One whose processor was merely held up for so long loses
nothing when it is ended: its commit fails, and it is decided again.
"""

_Moment: TypeAlias = tuple[bytes, int, int]
"""A session's id, the number of its transaction, and for how many microseconds that one has been worked on."""


class AbandonedTransactions:
    """Looks for idle transactions of this client's user and application, and ends those that stay idle.

    A user sees and ends its own sessions without any further right. Where the server refuses even that, its own
    limit stays what ends them.
    """

    def __init__(self) -> None:
        self._idle: set[_Moment] = set()
        self._looked_at = float("-inf")

    async def look(self, client: Client) -> None:
        """End what has been idle since the last look; does nothing sooner than `IDLE_FOR` after that one."""
        now = time.monotonic()
        if now - self._looked_at < IDLE_FOR:
            return
        self._looked_at = now
        with contextlib.suppress(PyMongoError):
            idle = await _find_idle(client)
            abandoned = self._idle & idle.keys()
            self._idle = set(idle)
            if abandoned:
                await client.admin.command("killSessions", [{"id": idle[each]} for each in sorted(abandoned)])
                _log.warning("abandoned_transactions_ended", count=len(abandoned))


async def _find_idle(client: Client) -> dict[_Moment, Any]:
    """The idle transactions, each with its session's id as the server wrote it."""
    name = client.options.pool_options.appname
    found: dict[_Moment, Any] = {}
    primary = client.get_database("admin", read_preference=ReadPreference.PRIMARY)
    operations = await primary.aggregate(
        [{"$currentOp": {"idleSessions": True}}, {"$match": {"type": "idleSession", "appName": name}}]
    )
    async for one in operations:
        transaction = one.get("transaction", {})
        number = transaction.get("parameters", {}).get("txnNumber")
        if number is not None:
            session = one["lsid"]["id"]
            found[bytes(session), int(number), int(transaction["timeActiveMicros"])] = session
    return found
