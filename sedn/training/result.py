"""What an epoch reached, and what it cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochResult:
    """Validation after one epoch of training, and costs; ``None`` where one was not measured."""

    epoch: int
    """Epochs completed, from 1."""
    mean_auc: float
    mean_auc_stderr: float
    label_auc: dict[str, float | None]
    """AUC by label; ``None`` where validation lacks one of the classes."""
    label_auc_stderr: dict[str, float | None]
    train_loss: float
    seconds: float
    """Wall time of the epoch, evaluation included."""
    parameters: int
    images_per_second: float | None = None
    """Of training, evaluation left out."""
    flops: int | None = None
    """Floating-point operations of the network for one image."""
    latency_ms: float | None = None
    """Milliseconds of the network for one image."""
    latency_32_ms: float | None = None
    """Milliseconds of the network for a batch of 32."""
    peak_memory: int | None = None
    """Bytes: the most that training held so far, of the GPU, or of the machine."""
    device_memory: int | None = None
    """Bytes that the GPU has."""
    micro_batch: int | None = None
    """Images that went through the network at once."""

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "EpochResult":
        """Read back what :meth:`to_json` gave."""
        return cls(**fields)


def by_label(labels: Sequence[str], values: NDArray[np.float64]) -> dict[str, float | None]:
    """Values ``(labels,)`` by the label's name, NaN as ``None``."""
    return {
        label: None if np.isnan(value) else float(value)
        for label, value in zip(labels, values, strict=True)
    }
