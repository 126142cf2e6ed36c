"""The inputs of a network in training: batches, augmentation, the source of the semantic maps."""
