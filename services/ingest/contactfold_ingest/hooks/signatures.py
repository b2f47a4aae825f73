"""Standard Webhooks signatures: what a hook with signing secrets asks for instead of an API key (CONTRACT 2).

`webhook-signature` has one or more signatures, `v1,<base64>`, each the HMAC-SHA256 of
`<webhook-id>.<webhook-timestamp>.<body>` over the bytes as they came. Any of them by any of the secrets will do, so
both sides can change secrets without a gap. The timestamp is signed too and must be within five minutes
of now, so that a request that was listened to cannot be sent again for ever. Until then the signed id makes a copy the
same event.

Many senders still write the headers as `svix-id`, `svix-timestamp` and `svix-signature`, as they were called before
there was a standard; all else is the same.
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256

from contactfold.domain.errors import Misconfigured
from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.outcome import Reason
from contactfold.web.problems import Problem
from contactfold_ingest.bodies import Fields

TOLERANCE = 300
"""Seconds that a signature's timestamp may be away from now, before or after."""

_PREFIX = "whsec_"
_SPELLINGS = (b"webhook-", b"svix-")
_MOST_SIGNATURES = 16
"""Signatures of one request that are looked at."""


class Signatures:
    """The signing secrets of one source."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises `Misconfigured` for a secret that is not base64, or empty: anyone can sign with an empty key."""
        self._keys = [_read_secret(secret) for secret in secrets]

    def check(self, headers: Fields, body: bytes, now: int) -> str:
        """The signed id of a request whose body as it came is signed; `now` is microseconds since 1970.

        Raises `Problem` 401 where it is not, 422 for an id that is too long to name an event.
        """
        own_id, timestamp, given = _read_headers(headers)
        if not timestamp.isdigit() or abs(int(timestamp[:20]) - now // 1_000_000) > TOLERANCE:
            raise _refuse(
                "signature_expired",
                f"The webhook-timestamp (seconds since 1970) is not within {TOLERANCE // 60} minutes of now.",
            )
        if not self._is_signed(b".".join((own_id, timestamp, body)), given):
            raise _refuse("wrong_signature", "No webhook-signature fits the body and a signing secret of this source.")
        if len(own_id) > LONGEST_NAME:
            message = f"The header webhook-id has at most {LONGEST_NAME} characters."
            raise Problem(422, "too_long", message, reasons=[Reason("too_long", message, "webhook-id")])
        return own_id.decode("latin-1")

    def _is_signed(self, content: bytes, given: bytes) -> bool:
        """Whether any signature fits any secret. Each pair is compared, so time tells nothing about which."""
        expected = [hmac.new(key, content, sha256).digest() for key in self._keys]
        fits = False
        for signature in given.split()[:_MOST_SIGNATURES]:
            version, _, encoded = signature.partition(b",")
            if version != b"v1":
                continue
            try:
                digest = b64decode(encoded, validate=True)
            except binascii.Error:
                continue
            for own in expected:
                fits |= hmac.compare_digest(own, digest)
        return fits


def _read_headers(headers: Fields) -> tuple[bytes, bytes, bytes]:
    """Id, timestamp and signatures, all three under the same spelling: no header may stand in for one of the other."""
    for prefix in _SPELLINGS:
        found = tuple(headers.get(prefix + name, b"") for name in (b"id", b"timestamp", b"signature"))
        if all(found):
            own_id, timestamp, given = found
            return own_id, timestamp, given
    raise _refuse(
        "signature_missing",
        "This source takes signed requests only, with the headers webhook-id, webhook-timestamp and "
        "webhook-signature (Standard Webhooks).",
    )


def _read_secret(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise Misconfigured(["A signing secret must be base64 of at least one byte, with or without whsec_ in front."])
    return key


def _refuse(code: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": 'Signature realm="standard-webhooks"'})
