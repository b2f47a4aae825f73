"""Erasing: what is left of evidence whose payload is gone for good (SEMANTICS 5).

A skeleton keeps what decides identity: stamp, policy, and a keyed hash for each identifier, its token. Folding goes
on over skeletons and live evidence alike, so what an erasure reaches is decided anew whenever its component is
rebuilt; and what it once reached stays erased.

In a directory whom an erasure reached is *nobody*: a contact without values that owns nothing and mentions the
tokens of what it was known by, so that a late event about the same person finds it. Each erasure has a nobody of
its own besides, for the identifier it names, whether or not anybody owned it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from contactfold.domain.directory import Contact, Handle
from contactfold.domain.event import Scalar, Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.outcome import IGNORED, Outcome, Reason
from contactfold.domain.schema import Schema, name_identifier
from contactfold.domain.stamp import EventId, Stamp

ERASED = Reason("erased", "The event was erased.")

NOTHING = b'{"erased":true}'
"""What stands for a payload that is gone where nothing of it is needed."""

_DIGEST = 16


class Hasher:
    """Makes tokens with one directory's erasure key."""

    def __init__(self, key: bytes) -> None:
        """`key` is 1 to 64 bytes."""
        self._key = key

    def token(self, identifier: str) -> str:
        """What stands for an identifier when it is erased: `attribute:#<keyed hash>`. A token stands for itself."""
        attribute, _, value = identifier.partition(":")
        if is_token(identifier):
            return identifier
        digest = blake2b(identifier.encode(), key=self._key, digest_size=_DIGEST).hexdigest()
        return f"{attribute}:#{digest}" if value else identifier


def is_token(identifier: str) -> bool:
    """Whether this is the token of an identifier, not an identifier itself."""
    value = identifier.partition(":")[2]
    return len(value) == 1 + 2 * _DIGEST and value[0] == "#" and all(digit in "0123456789abcdef" for digit in value[1:])


def make_skeleton(statement: Statement, schema: Schema, hasher: Hasher) -> Statement:
    """A statement without what it says, but for the tokens of its identifiers and the policy that decides identity."""
    values: dict[str, tuple[Scalar, ...]] = {}
    for attribute in schema.identifying:
        if attribute.key in statement.values:
            tokens = (hasher.token(name_identifier(attribute, value)) for value in statement.values[attribute.key])
            values[attribute.key] = tuple(token.partition(":")[2] for token in tokens)
    return Statement(
        statement.event_id,
        statement.stamp,
        statement.source,
        "",
        statement.received_at,
        values,
        tuple(map(hasher.token, statement.identifiers)),
        statement.action,
        statement.match_on,
        statement.on_many,
        import_row=statement.import_row,
    )


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure: whose identifier it names as a token, from which moment on.

    `here` says whether that token is met where things are folded, not only what the erasure reached before.
    """

    event_id: EventId
    stamp: Stamp
    token: str
    here: bool = True


@dataclass(slots=True)
class Erasing:
    """The erasures that a rebuild comes by, and what they reach there.

    `names` gives the identifiers back whose tokens are met and that live evidence or rules name. `reached` maps
    each event to the erasures that have reached it, those of earlier rebuilds among them.
    """

    hasher: Hasher
    erasures: Sequence[Erasure]
    names: Mapping[str, str]
    reached: dict[EventId, set[EventId]] = field(default_factory=dict)
    tokens: dict[Handle, set[str]] = field(default_factory=dict)
    """The tokens of each nobody that this rebuild makes, by handle."""
    named: dict[EventId, set[str]] = field(default_factory=dict)
    """The tokens of whom each erasure reaches here."""
    own: set[Handle] = field(default_factory=set)
    """The nobodies that go by one event, and never by another handle."""
    folded: dict[EventId, tuple[Handle, tuple[str, ...]]] = field(default_factory=dict)
    """The events folded so far: each one's contact (which may have been absorbed since), and what it names."""

    def recall(self, statement: Statement, schema: Schema) -> Statement:
        """A skeleton with its identifiers as far as they are named here; other statements as they are."""
        if statement.event_id not in self.reached:
            return statement
        values: dict[str, tuple[Scalar, ...]] = {}
        for attribute in schema.identifying:
            if attribute.key in statement.values:
                prefix = f"{attribute.key}:"
                tokens = [f"{prefix}{value}" for value in statement.values[attribute.key]]
                named = [self.names.get(token, token).removeprefix(prefix) for token in tokens]
                whole = attribute.type == "integer"
                values[attribute.key] = tuple(int(one) if whole and one[:1] != "#" else one for one in named)
        identifiers = tuple(self.names.get(token, token) for token in statement.identifiers)
        return Statement(
            statement.event_id,
            statement.stamp,
            statement.source,
            statement.id,
            statement.received_at,
            values,
            identifiers,
            statement.action,
            statement.match_on,
            statement.on_many,
            import_row=statement.import_row,
        )

    def strike(self, fresh: Excerpt, erasure: Erasure) -> None:
        """Carry an erasure out at its moment of the fold.

        Nobody is left of whoever owns the identifier, nor of whoever has a piece of evidence that this erasure
        reached before.
        """
        folded = self.folded
        claim = fresh.claims.get(self.names.get(erasure.token, erasure.token))
        doomed = set() if claim is None or claim.owner is None else {claim.owner}
        present = {event_id: fresh.present_handle(handle) for event_id, (handle, _) in folded.items()}
        doomed.update(present[one] for one, by in self.reached.items() if erasure.event_id in by and one in present)
        doomed = {handle for handle in doomed if not fresh.contacts[handle].nobody}
        for event_id, handle in present.items():
            if handle in doomed:
                self.reached.setdefault(event_id, set()).add(erasure.event_id)
                named = {self.hasher.token(one) for one in folded[event_id][1] if one not in fresh.rules.shared}
                self.tokens.setdefault(handle, set()).update(named)
                self.named.setdefault(erasure.event_id, {erasure.token}).update(named)
        for handle in doomed:
            _forget(fresh, fresh.contacts[handle], erasure.stamp, self.hasher)
        if not erasure.here:
            return
        self.named.setdefault(erasure.event_id, {erasure.token})
        self._add_nobody(fresh, erasure.event_id, erasure.stamp, {erasure.token})

    def _add_nobody(self, fresh: Excerpt, event_id: EventId, stamp: Stamp, tokens: set[str]) -> None:
        """A nobody that goes by one event: an erasure, or a retracted statement that was erased."""
        fresh.contacts[event_id] = Contact(
            event_id, event_id, stamp, stamp, stamp, plain=False, nobody=True, known_since=stamp
        )
        self.tokens[event_id] = tokens
        self.own.add(event_id)

    def reach_left_out(self, fresh: Excerpt, statements: Iterable[Statement]) -> None:
        """Erase retracted statements too, where they are older than an erasure and name whom that reached.

        Each is a nobody by itself, which mentions what it names, so that it is found when it is let in again. What is
        shared it keeps apart, as everybody does, to be found when that is shared no longer.
        """
        for one in statements:
            statement = self.recall(one, fresh.schema)
            shared = {self.hasher.token(name) for name in statement.identifiers if name in fresh.rules.shared}
            tokens = set(map(self.hasher.token, statement.identifiers)) - shared
            by = set(self.reached.get(statement.event_id, ()))
            for erasure in self.erasures:
                named = self.named.get(erasure.event_id, set())
                if statement.stamp < erasure.stamp and not named.isdisjoint(tokens):
                    by.add(erasure.event_id)
            if by:
                self.reached[statement.event_id] = by
                self._add_nobody(fresh, statement.event_id, statement.stamp, tokens)
                fresh.contacts[statement.event_id].shared.update(shared)

    def tie(self, fresh: Excerpt) -> None:
        """Let everybody mention the tokens of what they were known by: who shares one hangs together."""
        folded = self.folded
        known = set().union(*self.tokens.values())
        mentions: dict[str, dict[Handle, EventId]] = {}
        for handle, tokens in self.tokens.items():
            for token in tokens:
                mentions.setdefault(token, {})[handle] = handle
        for event_id, (handle, identifiers) in folded.items():
            if event_id not in self.reached:
                tokens = {self.hasher.token(one) for one in identifiers if one not in fresh.rules.shared}
                for token in known & tokens:
                    mentions.setdefault(token, {})[fresh.present_handle(handle)] = event_id
        for token in sorted(mentions):
            contacts = [fresh.contacts[handle] for handle in mentions[token]]
            for contact in contacts:
                fresh.mention(token, contact)
            if len(contacts) > 1:
                for contact in contacts:
                    contact.plain = False
                fresh.join(contacts, min(mentions[token].values()))


def _forget(fresh: Excerpt, contact: Contact, at: Stamp, hasher: Hasher) -> None:
    """Make nobody of a contact: it shows, owns and names nothing any more."""
    for identifier in contact.owned | contact.named:
        claim = fresh.claims[identifier]
        claim.mentions.discard(contact.handle)
        if claim.owner == contact.handle:
            claim.owner = None
    contact.single, contact.multi = {}, {}
    contact.owned, contact.named, contact.shared = set(), set(), set(map(hasher.token, contact.shared))
    contact.last = contact.known_since = max(contact.last, at)
    contact.nobody, contact.plain = True, False
    if contact.component is not None:
        component = fresh.components[contact.component]
        component.latest = max(component.latest, at)


def erased_outcome(event_id: EventId, source: str) -> Outcome:
    """What is left of an erased event's outcome."""
    return Outcome(event_id, source, "", IGNORED, reasons=[ERASED])
