"""What a decision keeps outside the fold: refused, retracted before it came, or dead. Erasures must come by it.

No fold meets it, so nothing else would collide with an erasure that is recorded meanwhile: it passes a gate.
"""

from collections.abc import Sequence

from contactfold.domain.event import Statement
from contactfold.domain.stamp import stamp_time
from contactfold.ports import DeadLetter, LogRecord
from contactfold.wire import Unreadable, read_record
from contactfold_processor.gates import ASIDE
from contactfold_processor.records import as_record
from contactfold_processor.workspace import Workspace


async def keep_aside(
    workspace: Workspace, records: Sequence[LogRecord], aside: Sequence[Statement], dead: Sequence[DeadLetter]
) -> None:
    """See to it that erasures come by what is kept outside the fold, those too that are recorded meanwhile.

    `aside` and `dead` are what is kept so of a batch's `records`.
    """
    if not aside and not dead:
        return
    await workspace.gates.load([ASIDE])
    # The partitions of the batch, for a letter's own may be another: that of its first place.
    for partition in {record.partition for record in records}:
        workspace.gates.pass_through(ASIDE, partition)
    named = workspace.find_erasures_of(aside)
    if dead:
        oldest = min(_happened(workspace, letter) for letter in dead)
        named |= {one.event_id for one in workspace.list_erasures() if stamp_time(one.stamp) >= oldest}
    await workspace.scrub_again(named)


def _happened(workspace: Workspace, letter: DeadLetter) -> int:
    """When what a dead letter says happened, as far as it can be read."""
    try:
        return min(letter.timestamp, stamp_time(read_record(as_record(letter), workspace.schema).stamp))
    except Unreadable:
        return letter.timestamp
