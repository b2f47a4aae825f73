"""The door for any JSON, mapped by a source of the configuration: `POST /hooks/{source}` (CONTRACT 4)."""
