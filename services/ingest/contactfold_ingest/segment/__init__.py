"""Doors for Segment's own libraries: identify, group, track, page, screen, alias and batch (CONTRACT 4)."""
