"""The identity of a checkpoint: the configuration, the seed and the data of its training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sedn.config import TrainingConfig, config_hash
from sedn.data import Dataset


@dataclass(frozen=True)
class TrainingIdentity:
    """Two trainings of one identity are the same, step by step; others share no checkpoint."""

    configuration: str
    """Hash of the configuration without its seed."""
    seed: int
    data: str
    """Fingerprint of images, maps, labels and splits."""
    labels: tuple[str, ...]
    """In the order of the network's outputs."""
    images: Mapping[str, int]
    """Number of images by split."""

    @classmethod
    def of(cls, config: TrainingConfig, dataset: Dataset) -> "TrainingIdentity":
        """The identity of a training of ``config`` on ``dataset``."""
        return cls(
            config_hash(config),
            config.seed,
            dataset.fingerprint,
            dataset.labels,
            {name: len(split) for name, split in dataset.splits.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """The identity as plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "TrainingIdentity":
        """Read back what :meth:`to_json` gave."""
        return cls(**{**fields, "labels": tuple(fields["labels"])})

    def difference(self, now: "TrainingIdentity") -> str | None:
        """Say in a clause in what ``now`` differs from this identity; ``None`` where they agree."""
        if self.labels != now.labels:
            return f"its labels were {', '.join(self.labels)} and are now {', '.join(now.labels)}"
        if self.images != now.images:
            return f"it had {_sizes(self.images)} images and has now {_sizes(now.images)}"
        if self.data != now.data:
            return "its images, maps, labels or splits are others now"
        if self.configuration != now.configuration:
            return "the configuration is another one now"
        if self.seed != now.seed:
            return f"the seed was {self.seed} and is now {now.seed}"
        return None


def _sizes(images: Mapping[str, int]) -> str:
    """Numbers of images in words, ``72 train, 24 validation and 24 test``."""
    numbers = [f"{images[name]} {name}" for name in images]
    return f"{', '.join(numbers[:-1])} and {numbers[-1]}" if len(numbers) > 1 else numbers[0]
