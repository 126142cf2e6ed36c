"""A training run from its configuration to a folder that stands alone."""
