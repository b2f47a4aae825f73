"""Secrets of Standard Webhooks: what is accepted as one when the configuration is read."""

import base64
import binascii

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

PREFIX = "whsec_"
SHORTEST = 16
"""Bytes below which a secret can be guessed; the format's own tools make 24 or more."""


def check_signing_secret(secret: SecretStr) -> SecretStr:
    """The secret itself, if it is base64 of enough bytes: an empty one verifies against what anyone can forge."""
    try:
        length = len(base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        raise PydanticCustomError("secret", "a signing secret is base64, with or without `whsec_` in front") from None
    if length < SHORTEST:
        raise PydanticCustomError(
            "secret", "a signing secret has {least} bytes or more, not {length}", {"least": SHORTEST, "length": length}
        )
    return secret
