"""The learning rate at each step, as a function of the step alone: nothing to save or restore."""

import math
from typing import Any

import torch
from timm.scheduler import CosineLRScheduler, PolyLRScheduler
from timm.scheduler.scheduler import Scheduler
from timm.scheduler.wsd_lr import WSDLRScheduler

from sedn.config import ScheduleConfig

_START = 1 / 25
_END = 1e-4 / 25


def create_schedule(
    config: ScheduleConfig, optimizer: torch.optim.Optimizer, steps: int
) -> Scheduler:
    """timm's schedule over ``steps`` in all; ``step_update(step)`` sets the rates of a step from 0.

    ``one_cycle`` rises from 1/25 along half a cosine and falls to nearly zero along another; the
    others rise linearly.
    """
    if config.kind == "one_cycle":
        return OneCycle(optimizer, steps, config.warmup)
    rising = min(round(config.warmup * steps), steps - 1)
    rest = steps - rising
    rate = optimizer.param_groups[0]["lr"]
    options: dict[str, Any] = {
        "t_initial": rest,
        "t_in_epochs": False,
        "warmup_t": rising,
        "warmup_lr_init": rate / (rising + 1),
    }
    if config.kind == "wsd":
        return WSDLRScheduler(optimizer, decay_t=math.ceil(rest / 5), **options)
    if config.kind == "linear":
        return PolyLRScheduler(optimizer, power=1.0, warmup_prefix=True, **options)
    return CosineLRScheduler(optimizer, warmup_prefix=True, **options)


class OneCycle(Scheduler):
    """One cycle (Smith and Topin, arXiv 1708.07120) in the form of torch's ``OneCycleLR``."""

    def __init__(self, optimizer: torch.optim.Optimizer, steps: int, warmup: float) -> None:
        super().__init__(optimizer, "lr", t_in_epochs=False)
        self._steps = steps
        self._peak = warmup * steps - 1

    def _get_lr(self, t: int) -> list[float]:
        factor = self._factor(t)
        return [value * factor for value in self.base_values]

    def _factor(self, step: int) -> float:
        if step <= self._peak and self._peak > 0:
            return _cosine(_START, 1.0, step / self._peak)
        peak = max(self._peak, 0)
        return _cosine(1.0, _END, (step - peak) / max(1, self._steps - 1 - peak))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
