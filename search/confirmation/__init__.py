"""Confirming a search: its leaders and the baseline on fresh seeds, then once on the test split."""
