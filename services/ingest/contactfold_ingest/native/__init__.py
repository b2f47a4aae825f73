"""The doors for events in our own words: `POST /v1/events` and the directives (CONTRACT 4)."""
