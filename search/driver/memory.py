"""What earlier trials have shown of memory: how many images at once fit, what share of a GPU."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.database.models import Trial
from search.packing import Grant, Packing
from sedn.config import TrainingConfig
from sedn.measures import Costs

_Key = tuple[str, int]


@dataclass
class Memory:
    """Learned from each epoch that is recorded, and from the store at a restart."""

    _micro_batches: dict[_Key, int] = field(default_factory=dict)
    """By backbone and image size, where fewer images fit than were asked for."""
    _packing: Packing = field(default_factory=Packing)

    @classmethod
    def of(cls, rows: Iterable[Trial]) -> "Memory":
        """What the trials of earlier runs have shown."""
        memory = cls()
        for row in rows:
            fewer = (row.cost("micro_batch") or math.inf) < row.config["batch_size"]
            # Most trials show nothing, and to read thousands of configurations takes seconds.
            if fewer or row.cost("device_memory") is not None:
                config = TrainingConfig.model_validate(row.config)
                memory.learn(config, row.costs)
        return memory

    def learn(self, config: TrainingConfig, costs: Costs) -> None:
        """Take up what a trial of the configuration was measured to hold."""
        self._packing.learn(config, costs.get("peak_memory"), costs.get("device_memory"))
        micro_batch, wanted = costs.get("micro_batch"), config.micro_batch_size or config.batch_size
        if micro_batch is not None and micro_batch < wanted:
            least = self._micro_batches.get(_key(config), wanted)
            self._micro_batches[_key(config)] = min(int(micro_batch), least)

    def micro_batch(self, config: TrainingConfig) -> int | None:
        """Images at once that are known to fit; ``None`` where nothing is known against them."""
        return self._micro_batches.get(_key(config))

    def gpus(self, config: TrainingConfig, grant: Grant) -> float:
        """What a trial of the configuration gets of the GPUs."""
        return self._packing.share_of(config) if grant.gpus == "auto" else grant.gpus


def _key(config: TrainingConfig) -> _Key:
    return config.backbone.name, config.data.image_size
