"""Sentences: one for every reason why two contacts are two, or why a contact does not own what its evidence names.

`{event}` is the event it happened at, `{names}` the identifiers it is about, `{attribute}` a key or channel, `{one}`
and `{other}` the events that gave values that differ, `{pair}` what is separated, `{directive}` the directive that
rules so.
"""

from contactfold.domain import apart, obstacles
from contactfold.domain.outcome import IGNORED, REJECTED

_KEYS = "their values of {attribute} differ ({one} gave one, {other} the other)"
_MORE = "together they would have more values of {attribute} than a contact holds"
_FULL = "its contact had as many values of {attribute} as it may have"
_APART = "{directive} separates {pair}"

_STANDS = {
    obstacles.KEY_DIFFERS: _KEYS,
    obstacles.SEPARATED: _APART,
    obstacles.TOO_MANY: _MORE,
    obstacles.NOT_MATCHED: "it was matched on other attributes alone (match_on)",
    obstacles.ONLY_FIRST: "it took the first contact alone (on_many: first)",
    obstacles.NOT_ANONYMOUS: "it merges none but visitors (on_many: anonymous)",
    obstacles.AMBIGUOUS: "it was rejected because it found several contacts (on_many: reject)",
    IGNORED: "it had no effect (action: ignore)",
}
"""What stands between the contact of an event and another whose identifiers it names."""

OF_TWO = {
    **{kind: f"Event {{event}} named {{names}} of the other contact, but {why}." for kind, why in _STANDS.items()},
    obstacles.SEPARATED: "Event {event} would have joined them, but {directive} separates {pair}.",
    apart.SET_ASIDE: "Event {event} named {pair}, but {directive} separates them.",
    apart.OVER_LIMIT: "Event {event} named {names}, which it could not give to its contact: " + _FULL + ".",
    apart.RETRACTED: "Event {event} named {names}, but {directive} retracts it.",
    apart.SHARED: "Events of both name {names}, which identifies nobody: {directive} shares it.",
    apart.RELEASED: "Event {event} let go of {names}, which the other contact has claimed since.",
    apart.NEVER_TOGETHER: "No event that counts has named an identifier of the one together with one of the other.",
}
"""Why two contacts are two."""

RULED = "No event would join them: {directive} separates {pair}."
"""Why two contacts are two that no event would have joined."""

OF_ONE = {
    **{
        kind: f"Event {{event}} named {{names}}, which another contact owned, and did not make them one: {why}."
        for kind, why in _STANDS.items()
    },
    apart.OWNED: "Event {event} named {names}, which another contact owned.",
    apart.SET_ASIDE: "Event {event} named {names}, which was set aside: {directive} separates {pair}.",
    apart.OVER_LIMIT: "Event {event} named {names}, which was left out: " + _FULL + ".",
    apart.RETRACTED: "Event {event} named {names}, but {directive} retracts it.",
    apart.SHARED: "Event {event} named {names}, which identifies nobody: {directive} shares it.",
    apart.RELEASED: "Event {event} took {names} from its contact.",
    apart.NOT_WRITTEN: "Event {event} named {names} and did not write it (action: update).",
    apart.NEVER_TOGETHER: "No event that counts has named {names}.",
    IGNORED: "Event {event} named {names} and had no effect (action: ignore).",
    REJECTED: "Event {event} named {names} and was rejected because it found several contacts (on_many: reject).",
}
"""Why a contact does not own an identifier."""
