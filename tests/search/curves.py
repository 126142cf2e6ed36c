"""A training function whose curves are known."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ray import cloudpickle

from sedn.training.result import EpochResult

# Ray's workers start in an empty folder, so that they find this package but not its tests.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def latency(config: Any) -> float:
    """What a configuration is measured to take, in milliseconds."""
    one = {"none": 1.0, "input": 2.0, "stage1": 3.0}[config.embedding.placement]
    return one + 10 * config.optimizer.learning_rate


def make_curves(
    log: Path | None = None,
    seconds: float = 0.0,
    fail_at: float | None = None,
    sleeps: bool = True,
) -> Callable[..., Iterator[EpochResult]]:
    """A training function: AUC rises with the epochs, to a height that the configuration sets."""

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
        height = {"none": 0.7, "input": 0.9, "stage1": 0.8}[config.embedding.placement]
        height -= abs(config.optimizer.learning_rate - 0.01)
        for epoch in range(after_epoch + 1, config.epochs + 1):
            if sleeps:
                time.sleep(seconds)
            if fail_at is not None and config.optimizer.learning_rate > fail_at and epoch == 2:
                raise ValueError("the learning rate was too much")
            if log is not None:
                with log.open("a") as lines:
                    lines.write(f"{Path(folder).name} {epoch}\n")
            auc = height * (1 - 0.5**epoch)
            yield EpochResult(
                epoch=epoch,
                mean_auc=auc,
                mean_auc_stderr=0.01,
                label_auc={"digit_0": auc, "digit_1": None},
                label_auc_stderr={"digit_0": 0.02, "digit_1": None},
                train_loss=1.0 / epoch,
                seconds=seconds,
                costs={"parameters": 1000, "latency_ms": latency(config)},
            )

    return train
