"""How lanes are called in a log: `contactfold.events` and `contactfold.imports`, or with another prefix."""

from contactfold.ports import Lane, Partition

PREFIX = "contactfold"

_TOPIC_OF = {Lane.LIVE: "events", Lane.BULK: "imports"}


def topic_of(lane: Lane, prefix: str = PREFIX) -> str:
    """The topic a lane travels on."""
    return f"{prefix}.{_TOPIC_OF[lane]}"


def partition_name(topic: str, number: int) -> Partition:
    """A partition as positions name it."""
    return f"{topic}/{number}"
