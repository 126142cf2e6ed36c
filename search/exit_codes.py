"""The exit codes of `sedn`."""

FAILED = 1
"""A training broke, or no trial was trained to its end."""
WRONG_INPUT = 2
"""The input is wrong, or the output found no room."""
INTERRUPTED = 130
"""A signal has stopped the command."""
PIPE_CLOSED = 141
"""Nobody reads the output any more."""
