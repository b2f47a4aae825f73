"""`POST /hooks/{source}` (CONTRACT 4)."""

from collections.abc import Mapping

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, EventLog
from contactfold.web.access import INGEST, KeyRing
from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.accepting import Acceptance, Taken, find_id, forbid_source
from contactfold_ingest.bodies import Fields, decode_json, read_body, read_media_type, unpack_body
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.hooks.signatures import Signatures
from contactfold_ingest.mapping.mapper import Mapper
from contactfold_ingest.replying import reply
from contactfold_ingest.turns import map_in_turns

_log = structlog.get_logger(__name__)


class HooksDoor(Door):
    """`POST /hooks/{source}`: any JSON, mapped by the source, with an API key or a signature."""

    def __init__(
        self,
        log: EventLog,
        schema: Schema,
        ring: KeyRing,
        limits: Limits,
        clock: Clock,
        sources: Mapping[str, Source],
    ) -> None:
        """Compiles every source's mapping and reads its secrets; raises `Misconfigured` for a secret that is none."""
        super().__init__("hooks", ring, limits, clock)
        self._hooks: dict[str, tuple[Mapper, Acceptance]] = {}
        self._signatures: dict[str, Signatures] = {}
        for name, source in sources.items():
            acceptance = Acceptance(log, schema, limits, door="hooks", label=name)
            self._hooks[name] = Mapper(name, source, schema), acceptance
            if source.signing_secrets:
                secrets = [secret.get_secret_value() for secret in source.signing_secrets]
                self._signatures[name] = Signatures(secrets)

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        name: str = scope["path_params"]["source"]
        signatures = self._signatures.get(name)
        grant = None
        if signatures is None:
            grant = await self._ring.authorize(scope, need=(INGEST,))
            if grant.source not in {None, name}:
                raise forbid_source(str(grant.source))
        if name not in self._hooks:
            raise Problem(
                404, "unknown_source", "There is no source of this name; sources are declared in contactfold.yaml."
            )
        mapper, acceptance = self._hooks[name]
        media = read_media_type(headers)
        if media and media != JSON and not media.endswith("+json"):
            raise unsupported(JSON)
        raw = await read_body(headers, receive, self._limit)
        # Of a signed request the signed id alone: another header could make a copy of it a second event.
        own_id = find_id(headers) if signatures is None else signatures.check(headers, raw, began)
        if signatures is not None:
            self._ring.count_signed(name)
        items = mapper.find_items(decode_json(unpack_body(headers, raw, self._limit)))
        if not items and mapper.finds_events:
            return JsonResponse({"results": [], "ignored_fields": []}, status_code=202)
        acceptance.check_count(len(items))
        offers = await map_in_turns(mapper.map_item, items)
        taken = await acceptance.accept(offers, began=began, source=name, own_id=own_id, grant=grant)
        _log_refused(name, taken)
        return reply(taken)


def _log_refused(name: str, taken: Taken) -> None:
    """Senders read a status and nothing else; after a 207 none sends again."""
    if taken.refused:
        codes = sorted({reason.code for fate in taken.fates for reason in fate.reasons})
        _log.warning("hook_refused", source=name, refused=taken.refused, accepted=taken.accepted, codes=codes)
