"""Backends that train the trials of the driver: Ray Tune, this process, or virtual time."""
