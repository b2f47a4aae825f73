"""Organisations: what a decision makes of their fragments (SEMANTICS 3).

A fragment holds what one partition has heard of an organisation, so it is folded from that partition's evidence
alone. A statement that is heard adds to it, whoever won a field; one that is retracted takes away, which only
matters where it had won something: then the fragment is folded anew.
"""

from collections.abc import Collection, Mapping, Sequence

from contactfold.domain.changes import Evidence, Fate, Partition
from contactfold.domain.directory import Fragment
from contactfold.domain.event import Statement
from contactfold.domain.schema import Schema
from contactfold.domain.stamp import EventId
from contactfold.ports import Directory
from contactfold.wire import read_evidence

_PAGE = 5_000
_NEVER = b""

FragmentKey = tuple[str, Partition]


class Accounts:
    """The fragments that one decision writes."""

    def __init__(self, directory: Directory, schema: Schema) -> None:
        self._directory = directory
        self._schema = schema
        self._fragments: dict[FragmentKey, Fragment] = {}
        self._stale: set[FragmentKey] = set()
        self._heard: list[tuple[Statement, Partition]] = []

    async def hear(self, said: Sequence[tuple[Statement, Partition]]) -> None:
        """Take in what new statements, each of which speaks of an organisation, say of it."""
        self._heard += said
        await self._load([_key(statement, partition) for statement, partition in said])
        for statement, partition in said:
            self._say(statement, partition)

    async def change(self, piece: Evidence, statement: Statement, *, left_out: bool) -> None:
        """Take a stored piece of evidence out, or in again. Its fragment is written even where nothing changes."""
        if statement.organization is None:
            return
        key = _key(statement, piece.partition)
        await self._load([key])
        if not left_out:
            self._say(statement, piece.partition)
            return
        fragment = self._fragments[key]
        if statement.stamp in (fragment.said, *(stamp for stamp, _, _ in fragment.fields.values())):
            self._stale.add(key)

    async def settle(
        self, fates: Mapping[EventId, Fate], lost: Collection[EventId]
    ) -> tuple[list[Fragment], list[Fragment]]:
        """The fragments to write and those that are gone.

        `fates` says of stored evidence what is left out now, `lost` what has no payload any more.
        """
        for key in sorted(self._stale):
            await self._fold_anew(key, fates, lost)
        written = [fragment for fragment in self._fragments.values() if fragment.said != _NEVER]
        gone = [fragment for fragment in self._fragments.values() if fragment.said == _NEVER and fragment.version]
        return written, gone

    async def _load(self, keys: list[FragmentKey]) -> None:
        wanted = list({key for key in keys if key not in self._fragments})
        if wanted:
            found = await self._directory.fragments(wanted)
            self._fragments |= {key: found.get(key) or Fragment(*key, _NEVER) for key in wanted}

    async def _fold_anew(self, key: FragmentKey, fates: Mapping[EventId, Fate], lost: Collection[EventId]) -> None:
        fragment = self._fragments[key]
        fragment.said, fragment.fields = _NEVER, {}
        after = None
        while page := await self._directory.evidence_of_account(*key, after=after, limit=_PAGE):
            for piece in page:
                fate = fates.get(piece.event_id)
                retracted = piece.retracted if fate is None else fate.retracted
                if not retracted and piece.event_id not in lost:
                    self._say(read_evidence(piece, self._schema), piece.partition)
            after = page[-1].stamp
        for statement, partition in self._heard:
            if _key(statement, partition) == key:
                self._say(statement, partition)

    def _say(self, statement: Statement, partition: Partition) -> None:
        organization = statement.organization
        if organization is None:
            return
        fragment = self._fragments[_key(statement, partition)]
        fragment.said = max(fragment.said, statement.stamp)
        for name, value in organization.fields.items():
            present = fragment.fields.get(name)
            if present is None or present[0] < statement.stamp:
                fragment.fields[name] = (statement.stamp, value, statement.source)


def _key(statement: Statement, partition: Partition) -> FragmentKey:
    return statement.organization.account_id if statement.organization else "", partition
