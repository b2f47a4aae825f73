"""The bulk door: many customers in one request, each with a fate of its own (CONTRACT 5)."""
