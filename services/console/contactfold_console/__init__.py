"""The console: directory to people. It reads, and never writes."""
