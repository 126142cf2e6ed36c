"""Predicted semantic maps: a segmenter trained on the training masks, and what it predicts."""
