"""Listings that are kept on a node, so that the next process need not read the tables again."""

from sedn.data.kept.opening import open_listing

__all__ = ["open_listing"]
