"""Searches replayed over recorded curves, in virtual time."""
