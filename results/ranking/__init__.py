"""The ranking of configurations, with its uncertainty."""
