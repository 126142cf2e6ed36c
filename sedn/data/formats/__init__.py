"""The formats of data sets, each read into a listing."""

from sedn.data.formats.reading import read_listing

__all__ = ["read_listing"]
