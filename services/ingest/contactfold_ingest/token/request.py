"""A request for a token, as RFC 6749 has it: who asks, and for which scopes (sections 2.3.1, 3.2, 4.4.2 and 5.2)."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields

GRANT = "client_credentials"

_MOST_PARAMETERS = 32
"""Parameters that a request may have; those that nobody knows are ignored, as the RFC wants it."""


class Refusal(Problem):
    """A refusal with the code that RFC 6749 gives it."""

    def __init__(self, error: str, detail: str, *, status: int = 400) -> None:
        super().__init__(status, error, detail)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks, as pairs of a client's id and secret (one of them must fit), and for which scopes; None: for all."""

    clients: Sequence[tuple[bytes, bytes]]
    scopes: frozenset[str] | None


def read_request(headers: Fields, body: bytes) -> TokenRequest:
    """What a form-encoded request says. Raises `Refusal`."""
    given = _read_form(body)
    kind = given.get("grant_type")
    if kind is None:
        raise Refusal("invalid_request", f"The parameter grant_type is missing; send grant_type={GRANT}.")
    if kind != GRANT:
        raise Refusal("unsupported_grant_type", f"The only grant_type that is taken here is {GRANT}.")
    return TokenRequest(_read_clients(headers, given), _read_scopes(given.get("scope")))


def _read_form(body: bytes) -> dict[str, str]:
    """The parameters. One without a value counts as left out; one given twice is a fault."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise Refusal(
            "invalid_request", f"The body is not form-encoded UTF-8 of at most {_MOST_PARAMETERS} parameters."
        ) from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refusal("invalid_request", "A parameter is given twice; send each of them once.")
    return {name: value for name, value in pairs if value}


def _read_clients(headers: Fields, given: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Who asks: by Basic, or by parameters; not by both."""
    named, secret = given.get("client_id", "").encode(), given.get("client_secret", "").encode()
    authorization = headers.get(b"authorization", b"").strip()
    if not authorization:
        if bool(named) != bool(secret):
            raise Refusal("invalid_request", "Send client_id and client_secret, both of them.")
        return [(named, secret)] if secret else []
    if secret:
        raise Refusal("invalid_request", "Send the client's secret once: by Basic, or as client_secret.")
    clients = _read_basic(authorization)
    if named and clients and all(client_id != named for client_id, _ in clients):
        raise Refusal("invalid_request", "The client_id of the body is not that of the Authorization header.")
    return clients


def _read_basic(authorization: bytes) -> list[tuple[bytes, bytes]]:
    """Id and secret as they stand there, and as they read form-encoded: the RFC wants that, many clients forget it."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise Refusal("invalid_client", "Send the client's id and secret by Basic or in the body.", status=401)
    try:
        client_id, _, secret = b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        raise Refusal("invalid_client", "What follows Basic is not base64 of id:secret.", status=401) from None
    plain = [unquote_to_bytes(part.replace(b"+", b" ")) for part in (client_id, secret)]
    pairs = dict.fromkeys([(client_id, secret), (plain[0], plain[1])])
    return [(id_, each) for id_, each in pairs if id_ and each]


def _read_scopes(text: str | None) -> frozenset[str] | None:
    """The scopes that are asked for, apart by spaces."""
    return frozenset(text.split(" ")) - {""} or None if text else None
