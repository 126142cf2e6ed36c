"""Measurements of this project; a package, as a release of pyarrow has one of this name."""
