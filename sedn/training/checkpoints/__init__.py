"""The state of a training, and the folder in which a run keeps what belongs to the state."""
