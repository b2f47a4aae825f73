"""Contactfold: one trustworthy profile per person, folded from a stream of contact events."""

__version__ = "0.1.0"
