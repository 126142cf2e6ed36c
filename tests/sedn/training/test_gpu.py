"""What only a GPU can show: that a step waits for nothing, and that little memory is enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sedn.config import TrainingConfig, build_config
from sedn.training.checkpoints.state import prepare
from sedn.training.epochs import train_epochs
from sedn.training.memory import release_memory
from sedn.training.optimization.step import train_epoch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def configure(table: Path, **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": 64},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "stage1"},
        "attention": {"kind": "se"},
        "ema_decay": 0.9,
        "epochs": 3,
        "batch_size": 8,
    }
    return build_config(base | fields, "test")


@pytest.fixture
def watched() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


def test_a_step_waits_for_nothing(table: Path, watched: None) -> None:
    everything = {
        "horizontal_flip": True,
        "shift": 0.1,
        "rotation": 10.0,
        "brightness": 0.1,
        "hue": 0.1,
        "erasing": 0.5,
        "background_swap": 0.5,
        "mixup": 0.2,
        "cutmix": 0.2,
    }
    training = prepare(
        configure(
            table,
            augmentation=everything,
            semantic_map={"dropout": 0.2, "noise": 0.2},
            optimizer={"clip_norm": 1.0},
        )
    )
    train_epoch(training, 1)

    def after_step() -> None:
        assert training.position is not None
        last = training.position.step == training.steps
        torch.cuda.set_sync_debug_mode("default" if last else "error")

    train_epoch(training, 2, after_step=after_step)


def test_little_memory_makes_parts_of_a_batch(table: Path, tmp_path: Path) -> None:
    config = configure(table, data={"path": str(table), "image_size": 512}, batch_size=32)
    release_memory()
    total = torch.cuda.get_device_properties(0).total_memory
    next(train_epochs(config, str(tmp_path / "whole")))
    needed = torch.cuda.max_memory_reserved()
    release_memory()
    torch.cuda.set_per_process_memory_fraction(0.6 * needed / total)
    try:
        results = list(train_epochs(config, str(tmp_path / "parts")))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert [result.epoch for result in results] == [1, 2, 3]
    assert (results[-1].cost("micro_batch") or 0) < 32


def test_memory_is_given_back(table: Path, tmp_path: Path) -> None:
    held = []
    for run in range(6):
        list(train_epochs(configure(table), str(tmp_path / str(run))))
        release_memory()
        held.append(torch.cuda.memory_reserved())
    assert held[-1] <= 1.1 * held[1]
