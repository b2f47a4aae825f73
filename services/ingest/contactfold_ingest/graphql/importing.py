"""Importing batches: all of a batch's customers or none, and what became of them (CONTRACT 5)."""

import asyncio
from collections.abc import Mapping, Sequence

from contactfold.domain.errors import Unavailable
from contactfold.domain.outcome import CREATED, IGNORED, REJECTED, Outcome, Reason
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.ports import Clock
from contactfold.web.access import Grant
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Acceptance, Fate, Offer, Taken
from contactfold_ingest.graphql.asking import Batch
from contactfold_ingest.graphql.customers import name_key
from contactfold_ingest.graphql.telling import Told
from contactfold_ingest.waiting import Outcomes

SOURCE = "graphql"
"""The source of customers whose key is bound to none."""

MOST_CUSTOMERS = 10_000
"""Customers of one request."""

_FIELD = "updateCustomers"
_MOST_ERRORS = 10_000
_MOST_NAMED = 20
"""Customers named in a sentence."""


class Refused(Exception):
    """A batch has no reply but these errors."""

    def __init__(self, errors: list[Told]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class Importer:
    """Takes batches to the log, and waits until the directory has them."""

    def __init__(self, acceptance: Acceptance, outcomes: Outcomes, clock: Clock) -> None:
        self._acceptance = acceptance
        self._outcomes = outcomes
        self._clock = clock

    async def run(
        self, batches: Sequence[Batch], *, began: int, own_id: str | None, grant: Grant, patience: float
    ) -> dict[str, str]:
        """What each batch is replied with, by its name; they are imported one after the other.

        `began` is when the request began (microseconds since 1970), `own_id` its id header, `patience` how many
        seconds it waits for the directory. Raises `Refused` with the errors of the first batch that has some; the
        batches before it are imported then, those after it are not. Raises `Problem` as `Acceptance.accept` does.
        """
        count = sum(len(batch.customers) for batch in batches)
        if count > MOST_CUSTOMERS:
            detail = f"The request holds {count} customers; send at most {MOST_CUSTOMERS} at a time."
            raise Problem(413, "too_many_items", detail)
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        replies: dict[str, str] = {}
        for batch in batches:
            taken = await self._acceptance.accept(
                [Offer({"values": values}) for values in batch.customers],
                began=began,
                source=grant.source or SOURCE,
                own_id=_name_batch(own_id, batch),
                grant=grant,
                whole=True,
            )
            if taken.refused:
                raise Refused(_tell_refused(batch, taken.fates))
            outcomes = await self._wait(batch, taken, max(end - loop.time(), 0.0), patience)
            now = self._clock()
            replies[batch.name] = _tell(batch, taken, outcomes, (now - began) // 1000)
            began = max(now, began + len(batch.customers))  # what comes later in a request happened later
        return replies

    async def _wait(self, batch: Batch, taken: Taken, wait: float, patience: float) -> dict[EventId, Outcome]:
        """What the directory has made of every event of a batch. Raises `Refused` where it has not done so in time."""
        ids = [fate.event_id for fate in taken.fates if fate.event_id is not None]
        try:
            outcomes = await self._outcomes.find_all(ids, wait)
        except Unavailable:
            outcomes = {}  # the log holds them all the same, and whoever reads it goes on once the directory is back
        missing = len(set(ids) - outcomes.keys())
        if missing:
            raise Refused([_tell_pending(batch, ids, missing, patience)])
        return outcomes


def _name_batch(own_id: str | None, batch: Batch) -> str | None:
    """The id that a batch's customers have theirs from: batches of one request go by different names."""
    return own_id if own_id is None or batch.name == _FIELD else f"{own_id}/{batch.name}"


def _tell(batch: Batch, taken: Taken, outcomes: Mapping[EventId, Outcome], milliseconds: int) -> str:
    """The reply to a batch that the directory has. Raises `Refused` where it refused a customer of it."""
    found = [outcomes[fate.event_id] for fate in taken.fates if fate.event_id is not None]
    refused = [place for place, outcome in enumerate(found) if outcome.status == REJECTED]
    if refused:
        raise Refused(_bound(batch, [error for place in refused for error in _tell_late(batch, place, found[place])]))
    ignored = [place for place, outcome in enumerate(found) if outcome.status == IGNORED]
    created = sum(1 for outcome in found if outcome.status == CREATED)
    said = (
        f"Finished importing a batch of {len(found)} updates in {max(milliseconds, 0)} ms. "
        f"{created} new contacts, {len(found) - created - len(ignored)} updated contacts. "
        f"Ignored fields: [{', '.join(taken.ignored_fields)}]"
    )
    return said if not ignored else f"{said}. {_name_ignored(ignored, found)}"


def _name_ignored(ignored: Sequence[int], found: Sequence[Outcome]) -> str:
    """Which customers had no effect and why: somebody retracted or erased what they say, before or since."""
    named = [f"customers[{place}] ({_reasons_of(found[place])[0].code})" for place in ignored[:_MOST_NAMED]]
    left = len(ignored) - len(named)
    return f"Without effect: {', '.join(named)}{f' and {left} more' if left else ''}"


def _tell_refused(batch: Batch, fates: Sequence[Fate]) -> list[Told]:
    """Every fault of every customer."""
    faults = ((place, reason) for place, fate in enumerate(fates) for reason in fate.reasons)
    return _bound(batch, [_tell_reason(batch, place, reason) for place, reason in faults])


def _tell_late(batch: Batch, place: int, outcome: Outcome) -> list[Told]:
    """What was refused only when it was applied: by a processor of another schema, or under a header sent before."""
    told = [_tell_reason(batch, place, reason) for reason in _reasons_of(outcome)]
    for error in told:
        error["message"] += " It was refused when it was applied; the others of the batch were not."
        error["extensions"] |= {"event_id": format_event_id(outcome.event_id), "status": outcome.status}
    return told


def _reasons_of(outcome: Outcome) -> list[Reason]:
    """Why an event had no effect; at least one reason, for an erasure takes some away."""
    return outcome.reasons or [Reason(outcome.status, "The event had no effect.")]


def _tell_reason(batch: Batch, place: int, reason: Reason) -> Told:
    key = name_key(reason.field)
    where = f"customers[{place}]"
    if key is not None:
        where += f", {key}" if reason.position is None else f", {key}[{reason.position}]"
    extensions = {"code": reason.code, "customer": place, "key": key, "position": reason.position}
    return {"message": f"{where}: {reason.message}", "path": [batch.name], "extensions": extensions}


def _tell_pending(batch: Batch, ids: Sequence[EventId], missing: int, patience: float) -> Told:
    code = "pending"
    message = (
        f"The log holds all customers of the batch, but {missing} of {len(ids)} were not applied within "
        f"{patience:g} s. `/v1/events/` with an event's id tells what becomes of its customer."
    )
    events = [format_event_id(event_id) for event_id in ids]
    return {"message": message, "path": [batch.name], "extensions": {"code": code, "event_ids": events}}


def _bound(batch: Batch, errors: list[Told]) -> list[Told]:
    """As many errors as a reply holds; the last one says how many there are beside them."""
    left = len(errors) - _MOST_ERRORS
    if left <= 0:
        return errors
    code = "too_many_errors"
    last = {"message": f"There are {left} errors more.", "path": [batch.name], "extensions": {"code": code}}
    return [*errors[:_MOST_ERRORS], last]
