"""The scores of an epoch, and its costs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.measures import Costs


@dataclass(frozen=True)
class EpochResult:
    """Validation after one epoch of training, and what the training costs."""

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
    costs: Costs = field(default_factory=dict)
    """By the names of :data:`sedn.measures.COSTS`."""
    predictions: str | None = None
    """Fingerprint of the scores that were kept of this epoch, as
    :mod:`sedn.training.checkpoints.predictions` has them; ``None``: none were."""

    def cost(self, name: str) -> float | None:
        """The cost called ``name``; ``None`` where the cost was not measured."""
        return self.costs.get(name)

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
