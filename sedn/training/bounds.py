"""Limits of a training that are set from outside."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Decides nothing of what is trained, only with how much memory and for how long."""

    micro_batch: int | None = None
    """Images at once, at most: the number that fitted the memory before."""
    seconds: float | None = None
    """Wall time of all epochs together."""
    data_fingerprint: str | None = None
    """The fingerprint of the data to train on: training on any other data is refused."""
    checkpoint_seconds: float = 600.0
    """An epoch that takes longer is saved within, about this often."""
    spent_seconds: float = 0.0
    """The part of :attr:`seconds` that other networks of the same training have taken."""
