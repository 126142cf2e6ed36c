"""Train, validation and test."""
