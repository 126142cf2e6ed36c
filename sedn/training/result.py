"""What an epoch reached."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EpochResult:
    """Validation after one epoch of training."""

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

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "EpochResult":
        """Read back what :meth:`to_json` gave."""
        return cls(**fields)
