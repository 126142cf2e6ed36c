"""A number of threads is part of a training: the same number gives the same digits."""

from pathlib import Path

import pytest
import torch

from sedn.config import TrainingConfig, build_config, config_hash
from sedn.training.epochs import train_epochs


def configure(table: Path, threads: int | None) -> TrainingConfig:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 2,
        "batch_size": 16,
        "threads": threads,
    }
    return build_config(fields, "test")


@pytest.mark.parametrize("threads", [1, 2])
def test_training_computes_with_the_threads_of_its_configuration(
    table: Path, tmp_path: Path, threads: int
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3 - threads)
    try:
        epochs = train_epochs(configure(table, threads), str(tmp_path))
        next(epochs)
        assert torch.get_num_threads() == threads
        list(epochs)
        assert torch.get_num_threads() == 3 - threads
    finally:
        torch.set_num_threads(before)


def test_a_training_left_within_an_epoch_puts_the_threads_back(table: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    epochs = train_epochs(configure(table, before + 1), str(tmp_path))
    next(epochs)
    epochs.close()
    assert torch.get_num_threads() == before


def test_threads_make_a_replicate_not_another_configuration(table: Path) -> None:
    hashes = {config_hash(configure(table, threads)) for threads in (None, 1, 2)}
    assert len(hashes) == 1
