"""The embedded data set ``digits-in-clutter``."""
