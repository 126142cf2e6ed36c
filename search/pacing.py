"""The pace of work in a thread beside a search, so that the trials and the driver hardly wait."""

REST = 40
"""After its work a thread rests so many times as long as the work kept a core busy: the thread
takes a fortieth of a core at most, however large a search is."""
FAILED_SECONDS = 60.0
"""Least time to the next attempt where one failed."""
BROKEN_OFF_SECONDS = 1.0
"""How long the end of a search that was broken off waits for the work that is just being done."""
