"""Telling: what a retelling found, as objects with one plain sentence each.

A sentence names events by their own id and source, contacts by their public id, and identifiers as the reader may see
them. Nothing else of an event is in it.
"""

from collections.abc import Callable, Iterable, Sequence

from contactfold.domain.apart import SET_ASIDE, Cause, list_obstacles
from contactfold.domain.event import Statement
from contactfold.domain.obstacles import SEPARATED
from contactfold.domain.outcome import CREATED, IGNORED, REJECTED
from contactfold.domain.retelling import Deed
from contactfold.domain.stamp import EventId, Stamp, format_event_id, format_time, stamp_event, stamp_time
from contactfold_console.gathering import Gathered
from contactfold_console.sentences import OF_ONE, OF_TWO, RULED

Shown = dict[str, object]

MATCHED = "matched"
MERGED = "merged"


class Teller:
    """Tells deeds and causes of what was gathered; `show` is an identifier as the reader sees it."""

    def __init__(self, gathered: Gathered, show: Callable[[str], str]) -> None:
        self._retelling, self._background = gathered.retelling, gathered.background
        self._show = show
        self._left_out = {gone.statement.event_id: gone.statement for gone in self._background.left_out}

    def event(self, event_id: EventId) -> Shown:
        """Which event it is; without source, id and time where it is none of those gathered."""
        statement = self._statement(event_id)
        if statement is None:
            return {"event_id": format_event_id(event_id), "source": None, "id": None, "occurred_at": None}
        return show_event(statement.stamp, statement.source, statement.id)

    def identifiers(self, names: Iterable[str]) -> list[str]:
        """Identifiers as the reader sees them."""
        return [self._show(name) for name in names]

    # ---- what an event did

    def step(self, deed: Deed, before: Sequence[str] = (), after: Sequence[str] = ()) -> Shown:
        """What an event did to who is who; `before` and `after` are what it shares with its neighbours in a chain."""
        return {
            **self.event(deed.statement.event_id),
            "did": _kind_of(deed),
            "before": self.identifiers(before),
            "after": self.identifiers(after),
            "recognised_by": self.identifiers(tenure.identifier for tenure in deed.recognised),
            "claimed": self.identifiers(tenure.identifier for tenure in deed.claimed),
            "released": self.identifiers(tenure.identifier for tenure in deed.released),
            "merged": [format_event_id(gone) for gone in deed.outcome.merged],
            "kept_apart": self._list_kept_apart(deed),
            "message": self._tell_deed(deed),
        }

    def merge(self, deed: Deed) -> Shown:
        """Which contacts an event made one, and through which identifiers."""
        through = [name for met in deed.met if met.obstacle is None for name in met.through]
        return {
            **self.event(deed.statement.event_id),
            "merged": [format_event_id(gone) for gone in deed.outcome.merged],
            "through": self.identifiers(through),
            "message": self._tell_deed(deed),
        }

    def _tell_deed(self, deed: Deed) -> str:
        who, kind = f"Event {self._name(deed.statement.event_id)}", _kind_of(deed)
        recognised = self._enumerate(tenure.identifier for tenure in deed.recognised)
        claimed = self._enumerate(tenure.identifier for tenure in deed.claimed)
        released = self._enumerate(tenure.identifier for tenure in deed.released)
        if kind == CREATED:
            told = f"{who} made the contact" + (f" and claimed {claimed}" if claimed else "")
        elif kind == MERGED:
            owners = [self._enumerate(met.through) for met in deed.met if met.obstacle is None]
            told = f"{who} named {_enumerate(owners)}, which {len(owners)} contacts owned, and made them one"
            told += f"; it claimed {claimed}" if claimed else ""
        elif kind == MATCHED:
            told = f"{who} named {recognised}, which the contact owned" + (
                f", and claimed {claimed}" if claimed else ""
            )
        else:
            told = f"{who} named {recognised}, which the contact owned, and was {kind}"
        return f"{told}; it let go of {released}." if released else f"{told}."

    def _list_kept_apart(self, deed: Deed) -> list[Shown]:
        """The contacts that an event met and that are others still, and why."""
        met = list_obstacles(self._retelling, deed, self._background)
        return [{"contact_id": format_event_id(other.id), **self.cause_of_two(cause)} for other, cause in met]

    # ---- why not

    def cause_of_two(self, cause: Cause) -> Shown:
        """Why two contacts are two."""
        alone = cause.event is None and cause.kind == SEPARATED
        return self._tell_cause(cause, RULED if alone else OF_TWO[cause.kind], cause.identifiers)

    def cause_of_one(self, cause: Cause, identifier: str) -> Shown:
        """Why a contact does not own an identifier that its evidence names."""
        return self._tell_cause(cause, OF_ONE[cause.kind], [identifier])

    def _tell_cause(self, cause: Cause, sentence: str, names: Sequence[str]) -> Shown:
        separated = cause.identifiers[-2:] if cause.kind in {SEPARATED, SET_ASIDE} else ()
        one, other = cause.events or (None, None)
        directive = None if cause.directive is None else format_event_id(cause.directive)
        told = sentence.format(
            event=self._name(cause.event),
            names=self._enumerate(names),
            attribute=cause.attribute,
            one=self._name(one),
            other=self._name(other),
            pair=self._enumerate(separated, "from" if cause.kind == SEPARATED else "and"),
            directive="a directive" if directive is None else f"the directive {directive}",
        )
        return {
            "code": cause.kind,
            "message": told,
            "event": None if cause.event is None else self.event(cause.event),
            "identifiers": self.identifiers(cause.identifiers),
            "attribute": cause.attribute or None,
            "events": [self.event(event_id) for event_id in cause.events],
            "directive": directive,
        }

    # ---- names

    def _statement(self, event_id: EventId) -> Statement | None:
        deed = self._retelling.deeds.get(event_id)
        return deed.statement if deed is not None else self._left_out.get(event_id)

    def _name(self, event_id: EventId | None) -> str:
        """An event as a sentence names it: `o-17 of shop`."""
        statement = None if event_id is None else self._statement(event_id)
        if statement is not None:
            return f"{statement.id} of {statement.source}"
        return "an event" if event_id is None else f"event {format_event_id(event_id)}"

    def _enumerate(self, names: Iterable[str], last: str = "and") -> str:
        return _enumerate(self.identifiers(dict.fromkeys(names)), last)


def show_event(stamp: Stamp, source: str, own_id: str) -> Shown:
    """Which event it is."""
    return {
        "event_id": format_event_id(stamp_event(stamp)),
        "source": source,
        "id": own_id,
        "occurred_at": format_time(stamp_time(stamp)),
    }


def _kind_of(deed: Deed) -> str:
    """What an event did, in one word."""
    if deed.outcome.status in {CREATED, IGNORED, REJECTED}:
        return deed.outcome.status
    return MERGED if deed.outcome.merged else MATCHED


def _enumerate(parts: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
