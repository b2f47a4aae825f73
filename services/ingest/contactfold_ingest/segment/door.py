"""`POST /segment/v1/{call}` and `/v1/{call}` (CONTRACT 4): Segment's calls, one by one or in a batch.

What Segment's libraries send they never look at again, so nothing may depend on their reading a reply: a batch is
acknowledged as a whole, and a message of it that the schema refuses goes to the log all the same, where its outcome
says why. Only what cannot be an event is told with an error, and what stood beside it in a batch is safe.
"""

from collections.abc import Mapping, Sequence

import structlog
from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold import telemetry
from contactfold.config import Limits
from contactfold.domain.outcome import Reason
from contactfold.ports import Clock
from contactfold.web.access import INGEST, Grant, KeyRing, find_secrets
from contactfold.web.problems import JsonResponse, Problem, problem_response
from contactfold_ingest.accepting import Acceptance, Fate, Offer, find_id, forbid_source
from contactfold_ingest.bodies import Fields, decode_json, read_media_type
from contactfold_ingest.door import JSON, Door, unsupported
from contactfold_ingest.segment.messages import SOURCE, Messages, read_object
from contactfold_ingest.turns import map_in_turns

BATCH = "batch"
"""The call that carries others."""

OLD_BATCH = "import"
"""What Segment's older libraries call it."""

BATCHES = (BATCH, OLD_BATCH)

_MOST_REASONS = 100
"""Reasons that one error tells."""

_log = structlog.get_logger(__name__)


class Reading:
    """What all calls share: how messages are read, where they go, and what is counted."""

    def __init__(self, messages: Messages, acceptance: Acceptance) -> None:
        self.messages, self.acceptance = messages, acceptance
        self.silent: Counter = telemetry.EVENTS_RECEIVED.labels("segment", "", "silent")
        self.ignored: Counter = telemetry.FIELDS_IGNORED.labels("segment")


class SegmentDoor(Door):
    """One call's door."""

    def __init__(self, call: str, reading: Reading, ring: KeyRing, limits: Limits, clock: Clock) -> None:
        """`call` is one of `CALLS`, or of `BATCHES`."""
        super().__init__("segment", ring, limits, clock)
        self._call = None if call in BATCHES else call
        self._reading = reading

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        grant, body = await self._open(scope, headers, receive)
        if not isinstance(body, dict):
            raise Problem(422, "not_an_event", "A call is a JSON object, as Segment's HTTP API has it.")
        if self._call is None:
            items, shared = _read_batch(body)
        else:
            items, shared = [body], {}
        offers, places = await self._read_all(items, shared)
        if offers:
            taken = await self._reading.acceptance.accept(
                offers,
                began=began,
                source=SOURCE,
                own_id=find_id(headers),
                grant=grant,
                keep_refused=self._call is None,
                places=places,
                count=len(items),
            )
            self._reading.ignored.inc(sum(len(fate.ignored_fields) for fate in taken.fates))
            self._tell_refused(taken.fates, places)
        return JsonResponse({"success": True})

    async def _open(self, scope: Scope, headers: Fields, receive: Receive) -> tuple[Grant, object]:
        """Who sends, and the body: Segment's write key is an API key, by Basic or in the body itself."""
        by_header = bool(find_secrets(scope))
        grant = await self._authorize(scope) if by_header else None
        try:
            media = read_media_type(headers)
            if media and media != JSON:
                raise unsupported(JSON)
            body = decode_json(await self._read(headers, receive))
        except Problem:
            if grant is None:
                await self._authorize(scope)
            raise
        if grant is None:
            grant = await self._authorize(_with_key(scope, body))
        return grant, body

    async def _authorize(self, scope: Scope) -> Grant:
        grant = await self._ring.authorize(scope, need=(INGEST,))
        if grant.source not in {None, SOURCE}:
            raise forbid_source(str(grant.source))
        return grant

    async def _read_all(self, items: list[object], shared: Mapping[str, object]) -> tuple[list[Offer], list[int]]:
        """Every message that is to be an event, and its place in the request; the others are counted."""
        if items:
            self._reading.acceptance.check_count(len(items))
        read = await map_in_turns(lambda item: self._reading.messages.read(self._call, item, shared), items)
        places = [place for place, offer in enumerate(read) if offer is not None]
        offers = [offer for offer in read if offer is not None]
        self._reading.silent.inc(len(items) - len(offers))
        return offers, places

    def _tell_refused(self, fates: Sequence[Fate], places: Sequence[int]) -> None:
        """Log what was refused. Raises `Problem` for what its sender alone can be told, because the log has it not."""
        refused = [(place, fate) for place, fate in zip(places, fates, strict=True) if fate.reasons]
        if not refused:
            return
        codes = sorted({reason.code for _, fate in refused for reason in fate.reasons})
        lost = [(place, fate) for place, fate in refused if not fate.kept]
        _log.warning("segment_refused", kept=len(refused) - len(lost), told=len(lost), codes=codes)
        if not lost:
            return
        too_large = any(reason.code == "record_too_large" for _, fate in lost for reason in fate.reasons)
        if self._call is not None:
            reasons: list[Reason] = list(lost[0][1].reasons)
            detail = " ".join(reason.message for reason in reasons)
        else:
            reasons = [_place(reason, place) for place, fate in lost for reason in fate.reasons]
            detail = f"{len(lost)} of the batch cannot be events; `reasons` says which and why. All others were taken."
        status, code = (413, "record_too_large") if too_large else (422, "rejected")
        raise Problem(status, code, detail, reasons=reasons[:_MOST_REASONS])

    def _tell_problem(self, problem: Problem) -> Response:
        """A problem with Segment's own members beside ours: its libraries show `code` and `message`."""
        problem.members = {"success": False, "code": problem.code, "message": problem.detail, **problem.members}
        return problem_response(problem)


def _read_batch(body: Mapping[str, object]) -> tuple[list[object], dict[str, object]]:
    """The messages of a batch, and the context that holds for all of them."""
    batch = body.get(BATCH)
    if not isinstance(batch, list):
        raise Problem(422, "invalid_field", "`batch` is a list of messages.")
    faults: list[Reason] = []
    shared = read_object(body, "context", faults)
    read_object(shared, "traits", faults, "context.traits")
    if faults:
        raise Problem(422, "rejected", faults[0].message, reasons=faults)
    return batch, shared


def _with_key(scope: Scope, body: object) -> Scope:
    """The request as one that carries the write key of its body in a header."""
    key = body.get("writeKey") if isinstance(body, dict) else None
    if not isinstance(key, str) or not key:
        return scope
    return {**scope, "headers": [*scope["headers"], (b"x-api-key", key.encode())]}


def _place(reason: Reason, place: int) -> Reason:
    return Reason(reason.code, reason.message, f"{BATCH}[{place}].{reason.field}".rstrip("."), reason.position)
