"""Verification: whether log, positions, evidence, dead letters, claims, components, contacts and organisations agree.

Everything is read in pages, each as of one moment (a snapshot): a commit changes all of it or nothing, so what is
being applied meanwhile never looks like a fault. What does not agree is read once more under a newer position, and
told only if it is still so. Nothing is written.

`records` holds the log against the directory, the other modules each one kind of document against those it
leads to, `rebuilding` contacts against what their evidence makes of them; `verification` does all of it in turn.
"""
