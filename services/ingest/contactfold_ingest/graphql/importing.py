"""Importing batches: all customers of a request or none, and what became of them (CONTRACT 5)."""

import itertools
from collections.abc import Mapping, Sequence

from contactfold.domain.errors import Unavailable
from contactfold.domain.outcome import CREATED, IGNORED, REJECTED, Outcome, Reason
from contactfold.domain.stamp import EventId, format_event_id
from contactfold.ports import Clock
from contactfold.web.access import Grant
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Acceptance, Fate, Offer, Taken
from contactfold_ingest.graphql.customers import Batch, name_key
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
    """A request has no reply but these errors. `applied` is the reply of each of its batches that has none of them."""

    def __init__(self, errors: list[Told], applied: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors
        self.applied = applied or {}


class Importer:
    """Takes batches to the log, and waits until the directory has them."""

    def __init__(self, acceptance: Acceptance, outcomes: Outcomes, clock: Clock) -> None:
        self._acceptance = acceptance
        self._outcomes = outcomes
        self._clock = clock

    async def run(
        self, batches: Sequence[Batch], *, began: int, own_id: str | None, grant: Grant, patience: float
    ) -> dict[str, str]:
        """What each batch is replied with, by its name, once the directory has all of them.

        They go to the log together, one after the other, or none of them does. `began` is when the request began
        (microseconds since 1970), `own_id` its id header, `patience` how many seconds it waits for the directory.
        Raises `Refused` with every fault of every customer, where nothing was imported, and with what was not applied
        in time or refused only then, where all are on the log. Raises `Problem` as `Acceptance.accept` does.
        """
        count = sum(len(batch.customers) for batch in batches)
        if count > MOST_CUSTOMERS:
            detail = f"The request holds {count} customers; send at most {MOST_CUSTOMERS} at a time."
            raise Problem(413, "too_many_items", detail)
        taken = await self._acceptance.accept(
            [offer for batch in batches for offer in _make_offers(batch, own_id)],
            began=began,
            source=grant.source or SOURCE,
            own_id=None,
            grant=grant,
            whole=True,
        )
        fates = iter(taken.fates)
        parts = [(batch, list(itertools.islice(fates, len(batch.customers)))) for batch in batches]
        if taken.refused:
            raise Refused(_bound([error for batch, part in parts for error in _tell_refused(batch, part)]))
        outcomes = await self._wait(taken, patience)
        return _reply(parts, outcomes, patience=patience, milliseconds=(self._clock() - began) // 1000)

    async def _wait(self, taken: Taken, patience: float) -> dict[EventId, Outcome]:
        """What the directory has made of the events so far, once it has them all or nobody is patient any longer."""
        try:
            return await self._outcomes.find_all(_list_ids(taken.fates), patience)
        except Unavailable:
            return {}  # the log holds them all the same, and whoever reads it goes on once the directory is back


def _make_offers(batch: Batch, own_id: str | None) -> list[Offer]:
    """The customers of a batch as events. Their ids come of the request's, if it has one.

    Batches of one request go by different names: that of a batch under an alias is in the ids of its customers.
    """
    if own_id is None:
        return [Offer({"values": values}) for values in batch.customers]
    named = own_id if batch.name == _FIELD else f"{own_id}/{batch.name}"
    if len(batch.customers) == 1:
        return [Offer({"id": named, "values": batch.customers[0]})]
    return [Offer({"id": f"{named}/{place}", "values": values}) for place, values in enumerate(batch.customers)]


def _list_ids(fates: Sequence[Fate]) -> list[EventId]:
    return [fate.event_id for fate in fates if fate.event_id is not None]


def _reply(
    parts: Sequence[tuple[Batch, list[Fate]]],
    outcomes: Mapping[EventId, Outcome],
    *,
    patience: float,
    milliseconds: int,
) -> dict[str, str]:
    """The reply of each batch by its name. Raises `Refused` where one has errors in its place."""
    replies: dict[str, str] = {}
    errors: list[Told] = []
    for batch, fates in parts:
        ids = _list_ids(fates)
        found = [outcomes[event_id] for event_id in ids if event_id in outcomes]
        if len(found) < len(ids):
            errors.append(_tell_pending(batch, ids, len(ids) - len(found), patience))
        elif any(outcome.status == REJECTED for outcome in found):
            errors += _tell_late(batch, found)
        else:
            replies[batch.name] = _tell(fates, found, milliseconds)
    if errors:
        raise Refused(_bound(errors), replies)
    return replies


def _tell(fates: Sequence[Fate], found: Sequence[Outcome], milliseconds: int) -> str:
    """The reply to a batch that the directory has."""
    ignored = [place for place, outcome in enumerate(found) if outcome.status == IGNORED]
    created = sum(1 for outcome in found if outcome.status == CREATED)
    unheard = dict.fromkeys(name for fate in fates for name in fate.ignored_fields)
    said = (
        f"Finished importing a batch of {len(found)} updates in {max(milliseconds, 0)} ms. "
        f"{created} new contacts, {len(found) - created - len(ignored)} updated contacts. "
        f"Ignored fields: [{', '.join(unheard)}]"
    )
    return said if not ignored else f"{said}. {_name_ignored(ignored, found)}"


def _name_ignored(ignored: Sequence[int], found: Sequence[Outcome]) -> str:
    """Which customers had no effect and why: somebody retracted or erased what they say, before or since."""
    named = [f"customers[{place}] ({_reasons_of(found[place])[0].code})" for place in ignored[:_MOST_NAMED]]
    left = len(ignored) - len(named)
    return f"Without effect: {', '.join(named)}{f' and {left} more' if left else ''}"


def _tell_refused(batch: Batch, fates: Sequence[Fate]) -> list[Told]:
    """Every fault of every customer."""
    return [_tell_reason(batch, place, reason) for place, fate in enumerate(fates) for reason in fate.reasons]


def _tell_late(batch: Batch, found: Sequence[Outcome]) -> list[Told]:
    """What was refused only when it was applied: by a processor of another schema, or under a header sent before."""
    errors: list[Told] = []
    for place, outcome in enumerate(found):
        if outcome.status != REJECTED:
            continue
        for reason in _reasons_of(outcome):
            error = _tell_reason(batch, place, reason)
            error["message"] += " It was refused when it was applied; the others of the batch were not."
            error["extensions"] |= {"event_id": format_event_id(outcome.event_id), "status": outcome.status}
            errors.append(error)
    return errors


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


def _bound(errors: list[Told]) -> list[Told]:
    """As many errors as a reply holds; the last one says how many there are beside them."""
    left = len(errors) - _MOST_ERRORS
    if left <= 0:
        return errors
    code = "too_many_errors"
    path = errors[_MOST_ERRORS]["path"]
    last = {"message": f"There are {left} errors more.", "path": path, "extensions": {"code": code}}
    return [*errors[:_MOST_ERRORS], last]
