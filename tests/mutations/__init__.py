"""What keeps the law, taken out one thing at a time: each time a test must fail (docs/the-law.md has the table)."""
