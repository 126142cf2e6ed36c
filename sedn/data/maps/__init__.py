"""Semantic maps: read from masks, drawn from polygons and run lengths."""
