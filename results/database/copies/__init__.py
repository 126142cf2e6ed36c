"""Experiments that come from another database or that were run elsewhere."""
