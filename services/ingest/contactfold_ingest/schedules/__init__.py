"""Schedules: files that are fetched and imported at set times."""
