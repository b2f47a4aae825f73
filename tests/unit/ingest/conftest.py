"""The fixture `ingest` for every test of the ingest service."""

from fakes.ingest_service import ingest

__all__ = ["ingest"]
