"""Search for the best way to embed a semantic map in a classifier: scheduling, steering, CLI."""
