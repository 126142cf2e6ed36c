"""Losses, the optimiser, the learning rate, and the steps of an epoch."""
