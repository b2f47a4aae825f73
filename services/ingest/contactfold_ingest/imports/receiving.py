"""What a request for an import brings: a file or contacts, kept on the disk, and options, checked (CONTRACT 6)."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec
from starlette.types import Receive

from contactfold.config import Limits
from contactfold.domain.outcome import Reason
from contactfold.domain.schema import Schema
from contactfold.tables.options import BadOptions, Options, options_object, read_options
from contactfold.tables.reading import NotATable
from contactfold.web.access import Grant
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import forbid_source
from contactfold_ingest.bodies import Fields, decode_json, read_body, read_media_type, unpack_body
from contactfold_ingest.door import JSON, unsupported
from contactfold_ingest.imports.contacts import SHAPE as CONTACTS
from contactfold_ingest.imports.contacts import write_contacts
from contactfold_ingest.imports.looking import FILE, Received, RejectedWhole, look
from contactfold_ingest.imports.shelf import Shelf, try_lock
from contactfold_ingest.imports.uploads import receive_form, receive_pieces

MULTIPART = "multipart/form-data"

_MEMBERS = ("options", "contacts")
_MOST_REASONS = 100
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Receiving:
    """Takes bodies of imports."""

    def __init__(self, schema: Schema, limits: Limits, shelf: Shelf) -> None:
        self._schema, self._limits, self._shelf = schema, limits, shelf

    @asynccontextmanager
    async def receive(self, headers: Fields, receive: Receive, grant: Grant) -> AsyncIterator[Received]:
        """A request's body, for as long as the block lasts: what is not kept by then is removed.

        Raises `Problem` for what is no import, or one to be rejected whole.
        """
        media = read_media_type(headers)
        if media not in (MULTIPART, JSON, ""):
            raise unsupported(f"{MULTIPART}, {JSON}")
        path = Path()
        try:
            path, file = await asyncio.to_thread(self._shelf.begin)
            with file:
                try_lock(file)
                if media == MULTIPART:
                    name, shape, raw = await self._take_form(headers, receive, file)
                else:
                    name, shape, raw = await self._take_json(headers, receive, file)
                await asyncio.to_thread(file.flush)
                options = self._read_options(raw, grant)
                yield await asyncio.to_thread(self._look, path, name, shape, options)
        except OSError as error:
            raise _not_kept(error) from None
        finally:
            if path.name:
                self._shelf.drop(path)

    async def _take_form(self, headers: Fields, receive: Receive, file: BinaryIO) -> tuple[str, str, object]:
        limit = self._limits.import_bytes
        upload = await receive_form(headers, receive_pieces(headers, receive, limit), file, limit)
        raw = None
        if upload.options.strip():
            try:
                raw = decode_json(upload.options)
            except Problem as problem:
                detail = problem.detail.replace("The body is not JSON", "The part `options` is not JSON")
                raise Problem(400, problem.code, detail, reasons=[Reason(problem.code, detail, "options")]) from None
        return upload.name, FILE, raw

    async def _take_json(self, headers: Fields, receive: Receive, file: BinaryIO) -> tuple[str, str, object]:
        limit = self._limits.body_bytes
        body = decode_json(unpack_body(headers, await read_body(headers, receive, limit), limit))
        if not isinstance(body, dict):
            raise Problem(422, "invalid_request", f"The body is a JSON object, like {_LIKE}.")
        unknown = [str(name)[:100] for name in body if name not in _MEMBERS]
        if unknown:
            message = "The body has the members `options` and `contacts` and no other."
            raise Problem(422, "unknown_field", message, reasons=[Reason("unknown_field", message, unknown[0])])
        contacts = body.get("contacts")
        if not isinstance(contacts, list):
            message = f"`contacts` is a list of JSON objects, as in {_LIKE}."
            code = "missing_field" if contacts is None else "invalid_field"
            raise Problem(422, code, message, reasons=[Reason(code, message, "contacts")])
        try:
            await asyncio.to_thread(write_contacts, contacts, file)
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError, OverflowError):
            raise Problem(422, "invalid_field", "`contacts` holds what no contact can: write it simpler.") from None
        return CONTACTS, CONTACTS, body.get("options")

    def _read_options(self, raw: object, grant: Grant) -> Options:
        try:
            options = read_options(raw, self._schema)
        except BadOptions as bad:
            code = bad.faults[0].code if len(bad.faults) == 1 else "invalid_options"
            raise Problem(422, code, str(bad), reasons=bad.faults[:_MOST_REASONS]) from None
        if grant.source is None:
            return options
        if isinstance(raw, dict) and raw.get("source") is not None and options.source != grant.source:
            raise forbid_source(grant.source)
        return replace(options, source=grant.source)

    def _look(self, path: Path, name: str, shape: str, options: Options) -> Received:
        """Look at what was brought. Raises `Problem` for what is rejected whole."""
        try:
            return look(path, name, shape, options, self._schema)
        except NotATable as bad:
            message = str(bad)
            raise Problem(422, bad.code, message, reasons=[Reason(bad.code, message, "file")]) from None
        except RejectedWhole as bad:
            raise _refusal(bad) from None


def _refusal(rejected: RejectedWhole) -> Problem:
    """What tells the faults, with what was made of the file, so that options can mend them."""
    faults = rejected.faults
    code = faults[0].code if len(faults) == 1 else "rejected"
    told = [{"column": one.column, "attribute": one.attribute, "how": one.how} for one in rejected.columns]
    members = {"columns": told, "options": options_object(rejected.options)}
    return Problem(422, code, str(rejected), reasons=faults[:_MOST_REASONS], members=members)


def _not_kept(error: OSError) -> Problem:
    if error.errno in _NO_ROOM:
        detail = "There is no room for the file on the server's disk; nothing of it was kept. Send it when there is."
        return Problem(507, "no_room", detail)
    why = (error.strerror or type(error).__name__).lower()
    detail = f"The file cannot be kept ({why}); try again when its folder can be written."
    return Problem(503, "file_not_kept", detail, headers={"Retry-After": "60"})


_LIKE = '{"options": {"action": "update"}, "contacts": [{"email": "ann@example.com"}]}'
