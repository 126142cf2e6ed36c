"""The cores and GPU of this machine for trials that are trained in this process."""

import os

from search.packing import Grant, check_gpu_hours
from search.settings import Resources, SearchSettings
from sedn.errors import UserError


def grant_of(resources: Resources) -> Grant:
    """The cores of this machine that each trial gets, and the GPU where the machine has one."""
    import torch

    wants_gpu = resources.gpus_per_trial != 0 and torch.cuda.is_available()
    return Grant(resources.cpus_per_trial, 1.0 if wants_gpu else 0.0)


def check_machine(resources: Resources, settings: SearchSettings) -> None:
    """Check that this machine has the cores and GPU of a trial.

    Raises:
        UserError: the machine has fewer cores, or GPU-hours are asked for where trials use no GPU.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores is not None and resources.cpus_per_trial > cores:
        raise UserError(
            f"no room for a trial: it asks for {resources.cpus_per_trial:g} CPUs, this machine has "
            f"{cores}; lower `cpus_per_trial`"
        )
    if settings.gpu_hours:
        # Only then, as to look for a GPU imports torch.
        check_gpu_hours(settings, grant_of(resources))
