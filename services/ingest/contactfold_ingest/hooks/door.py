"""`POST /hooks/{source}` (CONTRACT 4)."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.config import Limits, Source
from contactfold.domain.schema import Schema
from contactfold.ports import Clock, EventLog
from contactfold.web.access import INGEST, KeyRing
from contactfold.web.problems import JsonResponse, Problem
from contactfold_ingest.accepting import Acceptance, find_id, forbid_source
from contactfold_ingest.bodies import Fields, decode_json, read_body, read_media_type, unpack_body
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.hooks.mapping import Mapper
from contactfold_ingest.hooks.signatures import Signatures
from contactfold_ingest.replying import reply


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
        if signatures is not None:
            signatures.check(headers, raw, began)
        items = mapper.find_items(decode_json(unpack_body(headers, raw, self._limit)))
        if not items and mapper.finds_events:
            return JsonResponse({"results": [], "ignored_fields": []}, status_code=202)
        acceptance.check_count(len(items))
        offers = [mapper.map_item(item) for item in items]
        return reply(await acceptance.accept(offers, began=began, source=name, own_id=find_id(headers), grant=grant))
