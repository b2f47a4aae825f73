"""API keys and tokens as documents. What a field's absence means is what older versions meant: they had it not."""

from contactfold.adapters.documents import Document
from contactfold.ports import AccessToken, ApiKey


def write_key(key: ApiKey) -> Document:
    """An API key's document."""
    document: Document = {
        "_id": key.id,
        "digest": key.digest,
        "scopes": sorted(key.scopes),
        "name": key.name,
        "created_at": key.created_at,
    }
    if key.source is not None:
        document["source"] = key.source
    if key.revoked_at is not None:
        document["revoked_at"] = key.revoked_at
    if key.requests_per_minute is not None:
        document["requests_per_minute"] = key.requests_per_minute
    return document


def read_key(document: Document) -> ApiKey:
    """The API key of a document."""
    return ApiKey(
        document["_id"],
        document["digest"],
        frozenset(document["scopes"]),
        document["name"],
        document["created_at"],
        document.get("source"),
        document.get("revoked_at"),
        document.get("requests_per_minute"),
    )


def write_token(token: AccessToken) -> Document:
    """A token's document."""
    return {
        "_id": token.digest,
        "key_id": token.key_id,
        "scopes": sorted(token.scopes),
        "expires_at": token.expires_at,
    }


def read_token(document: Document) -> AccessToken:
    """The token of a document."""
    return AccessToken(document["_id"], document["key_id"], frozenset(document["scopes"]), document["expires_at"])
