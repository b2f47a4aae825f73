"""A directory keeps the meaning of the schema it is folded with, and is opened with no other.

Every process looks for itself when it opens its directory, at its start or when a server that was away
comes back: a door, a processor and a reader that disagree about what a value means would each be wrong.
"""

import msgspec
import structlog

from contactfold.domain.compatibility import Meaning, find_changes, tell_meaning
from contactfold.domain.errors import RetryOnFreshState, SchemaChanged, ServerUnfit
from contactfold.domain.schema import Attribute, Schema
from contactfold.ports import Directory

SETTING = "schema"
"""The setting of the directory that holds the meaning of its schema."""

_log = structlog.get_logger(__name__)


class SameSchema:
    """A directory as a part of a process, which opens with the schema it was folded with and refuses another.

    `keeps` is for what serves: it stores the schema of a new directory, and changes that do no harm. A command that
    only reads stores nothing.
    """

    def __init__(self, directory: Directory, schema: Schema, *, keeps: bool = True) -> None:
        self._directory, self._schema, self._keeps = directory, schema, keeps

    async def open(self) -> None:
        """Open the directory. Raises what it raises, and `SchemaChanged` where it was folded with another schema."""
        await self._directory.open()
        await hold_schema(self._directory, self._schema, keeps=self._keeps)

    async def close(self) -> None:
        """Let go of the directory."""
        await self._directory.close()

    async def probe(self) -> None:
        """See `Directory.probe`."""
        await self._directory.probe()


async def hold_schema(directory: Directory, schema: Schema, *, keeps: bool = True) -> None:
    """Compare the schema with the one the directory was folded with; raise `SchemaChanged` where they cannot agree.

    What was stored is read again, so that of two processes that begin at once with schemas that cannot agree, the
    one that was overtaken sees it; with one schema both store the same.
    """
    wanted = tell_meaning(schema)
    while True:
        stored = await stored_meaning(directory)
        if stored is not None and (changes := find_changes(stored, schema)):
            raise SchemaChanged(changes)
        if stored == wanted or not keeps:
            return
        try:
            await directory.set_setting(SETTING, msgspec.json.encode(wanted))
        except RetryOnFreshState:
            continue  # another process stored its own at this moment: look what it is
        _log.info("schema_stored", fingerprint=schema.fingerprint, attributes=len(schema.attributes))


async def stored_meaning(directory: Directory) -> Meaning | None:
    """What the schema means that a directory is folded with; None where it is new. Raises `ServerUnfit`."""
    raw = await directory.setting(SETTING)
    return None if raw is None else _read(raw)


def schema_of(meaning: Meaning) -> Schema:
    """A schema that means this: enough to read what was folded with it. What is for people alone is left out."""
    return Schema(
        tuple(
            Attribute(
                one.key,
                one.key,
                one.type,
                is_key=one.is_key,
                channel=one.key if one.channel else None,
                multi=one.multi,
                max_values=one.max_values,
                anonymous=one.anonymous,
                choices=one.choices,
                junk=one.junk,
            )
            for one in meaning.attributes
        ),
        default_country=meaning.default_country,
        strict_phones=meaning.strict_phones,
    )


# Made once, and here: two threads of one process that each make the first decoder of a type crash Python.
_decode = msgspec.json.Decoder(Meaning).decode


def _read(raw: bytes) -> Meaning:
    try:
        return _decode(raw)
    except msgspec.MsgspecError:
        raise ServerUnfit(
            "This version of contactfold cannot read which schema the directory was folded with: "
            "a newer one has written it, so run that one."
        ) from None
