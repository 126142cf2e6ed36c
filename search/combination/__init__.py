"""Combining the leaders of a search: an ensemble or a soup, tested once, in one folder."""
