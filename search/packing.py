"""The share of a GPU that a trial gets, by the measured memory of similar trials."""

from dataclasses import dataclass, field
from typing import Literal

from search.settings import SearchSettings
from sedn.config import TrainingConfig
from sedn.errors import UserError

SHARES = (0.25, 0.5, 1.0)
HEADROOM = 1.2
"""Over the measured peak, for what an allocator cuts up and cannot use."""
CONTEXT = 600 * 2**20
"""Bytes of a CUDA context and its kernels, which torch does not count."""

_Key = tuple[str, int, int]


@dataclass(frozen=True)
class Grant:
    """The resources that Ray reserves for a trial."""

    cpus: float = 1.0
    gpus: float | Literal["auto"] = 0.0
    """``auto``: a quarter, a half or the whole of one, by :class:`Packing`."""


def check_gpu_hours(settings: SearchSettings, grant: Grant) -> None:
    """Check that GPU-hours are a budget only where trials use a GPU.

    Raises:
        UserError: trials use no GPU, so that the budget would never end.
    """
    if settings.gpu_hours and not grant.gpus:
        raise UserError("`gpu_hours`: the trials of this search use no GPU; take `time_seconds`")


def share(peak_memory: float, device_memory: float) -> float:
    """The least share of a GPU that holds a peak of so many bytes with headroom."""
    needed = HEADROOM * peak_memory + CONTEXT
    return next((part for part in SHARES if needed <= part * device_memory), SHARES[-1])


@dataclass
class Packing:
    """The greatest peaks so far, by backbone, image size and images at once.

    A trial that is the first of its kind gets a whole GPU, and is the measurement of the others.
    """

    _peaks: dict[_Key, tuple[float, float]] = field(default_factory=dict)

    def learn(
        self, config: TrainingConfig, peak_memory: float | None, device_memory: float | None
    ) -> None:
        """Take up what a trial was measured to hold; ``None`` where it used no GPU."""
        if peak_memory is None or device_memory is None:
            return
        known = self._peaks.get(_key(config), (0, 0))
        self._peaks[_key(config)] = max(known, (peak_memory, device_memory))

    def share_of(self, config: TrainingConfig) -> float:
        """The share of a GPU that a trial of this configuration is to get."""
        known = self._peaks.get(_key(config))
        return SHARES[-1] if known is None else share(*known)


def _key(config: TrainingConfig) -> _Key:
    at_once = config.micro_batch_size or config.batch_size
    return config.backbone.name, config.data.image_size, at_once
