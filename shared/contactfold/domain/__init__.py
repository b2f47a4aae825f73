"""The pure core: what one event means, and nothing that reads a clock, a socket or a file."""
