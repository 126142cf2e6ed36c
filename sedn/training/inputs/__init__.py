"""What a network is trained on: batches, augmentation, the source of the semantic maps."""
