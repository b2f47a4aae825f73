"""Every error of contactfold, named for what the caller must do about it.

Messages are one full sentence with what was got and what was expected; the facts stay on the error.
"""


class ContactfoldError(Exception):
    """Anything contactfold raises on purpose. Its text is fit for a user's eyes."""


class RetryOnFreshState(ContactfoldError):
    """Another writer was faster: nothing was written; load again and decide again."""


class Collided(RetryOnFreshState):
    """The server let another open transaction go first: this tells nothing of what is stored, and passes by itself."""


class Fenced(ContactfoldError):
    """The position of a partition is not where the batch began: somebody else has applied its records.

    Nothing was written. Whoever still owns the partition reads the position again and goes on from
    there; whoever lost it stops.
    """

    def __init__(self, partition: str, expected: int | None, found: int | None) -> None:
        super().__init__(
            f"The position of {partition} is {found}, not {expected}: another processor has applied its records."
        )
        self.partition, self.expected, self.found = partition, expected, found


class Unavailable(ContactfoldError):
    """A server cannot be reached now; the same call may succeed later. Whether it took effect is unknown."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"The {part} cannot be reached: {why}")
        self.part, self.why = part, why


class Unwilling(Unavailable):
    """A server answers, and refuses for a reason nobody foresaw: nothing says that what it was given is at fault.

    Less at once may go through; else it is waited for, as for a server that is away, until somebody has mended it.
    """

    def __init__(self, part: str, why: str) -> None:
        super().__init__(part, why)
        self.args = (f"The {part} answers, but refuses: {why}",)


class TooLarge(ContactfoldError):
    """The log refuses a record, or the directory a document, for its size, now and always."""


class Altered(ContactfoldError):
    """What the directory holds is not as contactfold writes it: somebody else has."""


class RecordsGone(ContactfoldError):
    """The log no longer holds the records that a partition's position points at."""

    def __init__(self, partition: str, position: int, earliest: int, latest: int) -> None:
        super().__init__(
            f"The log no longer holds {partition} from offset {position}: it has {earliest} to {latest}. "
            "The records between were never applied. To go on without them, run "
            "`contactfold processor --accept-gap` (or `contactfold up --accept-gap`)."
        )
        self.partition, self.position, self.earliest, self.latest = partition, position, earliest, latest


class Misconfigured(ContactfoldError):
    """The configuration cannot be used; `faults` has one sentence a fault, each with its path."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class ServerUnfit(ContactfoldError):
    """A server answers but cannot do what contactfold needs of it (a mongod without transactions)."""


class SchemaChanged(ContactfoldError):
    """The directory was folded with a schema that this one cannot follow; `changes` has a sentence for each reason."""

    def __init__(self, changes: list[str]) -> None:
        told = "\n".join(changes)
        super().__init__(
            f"The directory was folded with another schema, and cannot go on with this one:\n{told}\n"
            "Undo this in the configuration, or let a new directory build itself from the log:\n"
            "1. With servers: start a processor with this configuration and a new database in CONTACTFOLD_DIRECTORY; "
            "what runs with the former configuration may go on meanwhile. Embedded: stop `contactfold up`, name a new "
            "CONTACTFOLD_DATA_DIR that holds nothing but a copy of log.db (and of log.db-wal, if there is one), and "
            "start it with this configuration.\n"
            "2. When no record waits any more, see what differs: `contactfold diff OLD NEW`.\n"
            "3. Start every service with this configuration on the new directory."
        )
        self.changes = changes
