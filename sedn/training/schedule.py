"""The learning rate at each step, as a function of the step alone: nothing to save or restore."""

import math

from sedn.config import ScheduleConfig

_START = 1 / 25
_END = 1e-4 / 25


def rate_factor(config: ScheduleConfig, step: int, steps: int) -> float:
    """What the learning rate is multiplied by at ``step``, from 0, of ``steps`` in all.

    ``one_cycle`` (Smith and Topin, arXiv 1708.07120, in the form of torch's ``OneCycleLR``) rises
    from 1/25 along half a cosine and falls to nearly zero along another. ``cosine`` rises linearly
    from zero and falls to zero.
    """
    peak = config.warmup * steps - 1
    if config.kind == "cosine":
        if step < peak:
            return (step + 1) / (peak + 1)
        return _cosine(1.0, 0.0, (step - max(peak, 0)) / max(1, steps - max(peak, 0)))
    if step <= peak and peak > 0:
        return _cosine(_START, 1.0, step / peak)
    return _cosine(1.0, _END, (step - max(peak, 0)) / max(1, steps - 1 - max(peak, 0)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
