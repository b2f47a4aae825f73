"""Real in-memory implementations of the ports, for tests that need one without a server."""
