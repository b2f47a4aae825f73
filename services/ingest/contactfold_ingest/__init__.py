"""The ingest service: front doors that take events to the log (CONTRACT 4)."""
