"""How JSON of any shape becomes events: what several doors share of a source's mapping (CONTRACT 2)."""
