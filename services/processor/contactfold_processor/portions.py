"""Portions: the rebuilds of a batch, several at once, for each asks the directory five times whatever it holds.

A rebuild folds any number of components, so those of groups that have nothing to do with one another may be folded
together. A burst of late events asks for a rebuild of everybody it is about, nearly all of them small.
"""

from collections.abc import Iterable, Iterator

from contactfold.domain.directory import Handle
from contactfold.domain.outcome import Outcome
from contactfold.domain.planning import Group
from contactfold.domain.stamp import EventId
from contactfold_processor.making_way import make_way
from contactfold_processor.workspace import Workspace

PORTION = 1_000
"""Pieces of evidence that are folded together, where one group does not have more: about 40 ms of work."""


async def rebuild_groups(workspace: Workspace, groups: Iterable[Group]) -> dict[EventId, tuple[Outcome, Handle]]:
    """Rebuild what these groups reach, with their statements; returns what became of each statement.

    A group that is behind a directive is rebuilt alone: what its contacts hang together by is found as it goes.
    """
    results: dict[EventId, tuple[Outcome, Handle]] = {}
    for portion in cut_portions(groups):
        reached = {contact.handle: contact for group in portion for contact in group.contacts}
        close = workspace.close_finely if portion[0].behind else workspace.close
        statements = [statement for group in portion for statement in group.statements]
        results |= await workspace.rebuild(await close(reached), statements)
        workspace.rebuilt += len(portion) - 1
        await make_way()
    return results


def cut_portions(groups: Iterable[Group]) -> Iterator[list[Group]]:
    """Groups in the order they came, as many together as hold `PORTION` pieces of evidence with their statements."""
    portion: list[Group] = []
    held = 0
    for group in groups:
        weight = group.size + len(group.statements)
        if portion and (group.behind or portion[0].behind or held + weight > PORTION):
            yield portion
            portion, held = [], 0
        portion.append(group)
        held += weight
    if portion:
        yield portion
