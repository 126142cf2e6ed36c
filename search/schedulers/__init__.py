"""When trials stop early, or pause: the scheduler of a search, rebuilt from the store's epochs."""
