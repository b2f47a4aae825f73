"""How long one lane of a consumer keeps the other waiting.

The library has one request at a time under way to a broker, for the partitions of which it holds nothing. While it
holds records of any partition of a broker it asks that broker for nothing, for 100 ms from when they came; and what it
asks for without finding anything keeps the next request waiting as long as the broker does. Rows of imports lie there
all the time. So it is to ask again after `_PAUSE`, and the broker to answer soon for as long as there are rows.

Neither has a public name, hence the private ones here: this is the one place that knows them, and
`test_a_live_record_does_not_wait_for_rows_that_nobody_takes` the test that notices when they change.
"""

from aiokafka import AIOKafkaConsumer

_PAUSE = 0.005
"""Seconds that records which nobody has taken keep the library from asking for others: those who take them are given
that long, or the next request would be without their partition."""

IDLE_WAIT, ROWS_WAIT, BUSY_WAIT = 100, 20, 4
"""Milliseconds that a broker may wait for a first record: with nothing to do, while rows of imports come, and while
live records come beside them. A partition of which something is held is in no request, and asked for again only when
that one has ended: the next live record there waits for so long.

Each request costs a millisecond of processor time, half of it the broker's: one that is idle asks ten times a second.
"""


class Fetching:
    """How a consumer that was started asks for records."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._fetcher = consumer._fetcher  # noqa: SLF001
        self._fetcher._prefetch_backoff = _PAUSE  # noqa: SLF001

    def hurry(self, *, rows: bool, live: bool) -> None:
        """Have the next requests answered soon where `rows` come, and sooner where `live` records do as well."""
        self._fetcher._fetch_max_wait_ms = (BUSY_WAIT if live else ROWS_WAIT) if rows else IDLE_WAIT  # noqa: SLF001
