"""What trains the trials that the driver hands out: Ray Tune, this process, or virtual time."""
