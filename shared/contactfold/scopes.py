"""What an API key may let its bearer do: the scopes there are, in the order they are told."""

INGEST = "ingest"
READ = "read"
PII = "pii"
ADMIN = "admin"

SCOPES = (INGEST, READ, PII, ADMIN)

DEFAULT_SCOPES = (INGEST, READ)
"""What a key may do whose maker named nothing."""
