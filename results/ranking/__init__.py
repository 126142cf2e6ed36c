"""Which configurations are best, and how certain that is."""
