"""CloudEvents 1.0 as a way to say an event (CONTRACT 4): structured, batched and binary.

`id`, `source`, `time` are our `id`, `source`, `occurred_at`; `type` is one of ours; `data` is the rest of
the event. What an envelope says stands over what its data say.
"""

from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote

from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem
from contactfold_ingest.accepting import Offer
from contactfold_ingest.bodies import Fields, decode_json

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

_REQUIRED = ("id", "source", "type")
_OURS = {"id": "id", "source": "source", "type": "type", "time": "occurred_at"}
_BINARY = ("specversion", "id", "source", "type", "time")


def is_binary(headers: Fields) -> bool:
    """Whether a request is a CloudEvent in binary mode: attributes in headers, data in the body."""
    return b"ce-specversion" in headers


def read_binary(headers: Fields, body: bytes) -> Offer:
    """The event of a request in binary mode. Raises `Problem` 400 for a body or header that cannot be read."""
    envelope: dict[str, object] = {}
    for name in _BINARY:
        value = headers.get(b"ce-" + name.encode())
        if value is not None:
            envelope[name] = _read_header(f"ce-{name}", value)
    if body and not body.isspace():
        envelope["data"] = decode_json(body)
    return read_envelope(envelope)


def read_envelope(envelope: object) -> Offer:
    """The event of a CloudEvent as JSON shows it, with every fault of the envelope."""
    if not isinstance(envelope, dict):
        return Offer(None, [Reason("invalid_cloud_event", "A CloudEvent is a JSON object.")])
    faults: list[Reason] = []
    if envelope.get("specversion") != "1.0":
        faults.append(Reason("invalid_cloud_event", "`specversion` must be 1.0.", "specversion"))
    faults += [
        Reason("missing_field", f"A CloudEvent needs `{name}`, as text.", name)
        for name in _REQUIRED
        if not isinstance(envelope.get(name), str) or not envelope[name]
    ]
    event = dict(_read_data(envelope, faults))
    for name, ours in _OURS.items():
        if envelope.get(name) is not None:
            event[ours] = envelope[name]
    return Offer(event, faults)


def _read_data(envelope: Mapping[str, object], faults: list[Reason]) -> Mapping[str, object]:
    data = envelope.get("data")
    if data is None and envelope.get("data_base64") is not None:
        data = _read_base64(envelope["data_base64"], faults)
    if data is None:
        return {}
    if not isinstance(data, dict):
        message = '`data` is the rest of the event: a JSON object, like {"values": {"email": "ann@example.com"}}.'
        faults.append(Reason("invalid_cloud_event", message, "data"))
        return {}
    return data


def _read_base64(encoded: object, faults: list[Reason]) -> object:
    try:
        if isinstance(encoded, str):
            return decode_json(b64decode(encoded, validate=True))
    except (ValueError, Problem):
        pass
    faults.append(Reason("invalid_cloud_event", "`data_base64` must be JSON in base64.", "data_base64"))
    return None


def _read_header(name: str, value: bytes) -> str:
    """A header's text: unquoted, then percent-decoded once (CloudEvents HTTP binding 3.1.3.2)."""
    try:
        text = value.decode("utf-8").strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = _unescape(text[1:-1])
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "malformed_header", f"The header {name} is not UTF-8 once it is percent-decoded.") from None


def _unescape(text: str) -> str:
    kept: list[str] = []
    escaped = False
    for letter in text:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        kept.append(letter)
        escaped = False
    return "".join(kept)
