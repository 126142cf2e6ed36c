"""What may be searched: a small declarative language, and a catalog of spaces in it."""
