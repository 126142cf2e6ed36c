"""The statistics of BatchNorm follow from weights and training images, and from nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from sedn.config import TrainingConfig, build_config
from sedn.data import Dataset, load_dataset
from sedn.network import SemanticNetwork
from sedn.run.batch_norms import renew_statistics
from sedn.training.checkpoints.state import create_network
from sedn.training.device import normalise
from sedn.training.inputs.batches import map_input, unchanged_batches, view_split

CPU = torch.device("cpu")
NORMS = ["test_resnet", "test_efficientnet"]


def configure(table: Path, name: str, **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": name, "pretrained": False},
        "embedding": {"placement": "stage1"},
    }
    return build_config(base | fields, "test")


def spoiled(config: TrainingConfig, dataset: Dataset) -> SemanticNetwork:
    """A network whose statistics are far from those of its activations."""
    torch.manual_seed(0)
    network = create_network(config, dataset, CPU)
    for norm in norms_of(network):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.add_(3)
        norm.running_var.mul_(7)
    return network.eval()


def norms_of(network: SemanticNetwork) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def statistics(network: SemanticNetwork) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.named_buffers() if "running" in name}


class Whole(torch.nn.Module):
    """A network that takes images and maps as one, as torch's function gives them."""

    def __init__(self, network: SemanticNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.network(images[:, :3], images[:, 3:])
        return scores


@pytest.mark.parametrize("backbone", NORMS)
def test_statistics_are_those_that_torch_computes_of_the_same_batches(
    backbone: str, shared_table: Path
) -> None:
    config = configure(shared_table, backbone)
    dataset = load_dataset(config.data)
    network, other = spoiled(config, dataset), spoiled(config, dataset)
    assert norms_of(network)
    images = len(dataset.splits["train"])
    renew_statistics(network, dataset, config, images)
    assert not any(module.training for module in network.modules())
    view = view_split(dataset, "train", config)
    ((batch, _),) = unchanged_batches(view, [np.arange(images)], CPU)
    given = normalise(batch.images, other), map_input(batch, dataset.has_indicator)
    update_bn([torch.cat(given, dim=1)], Whole(other))
    expected = statistics(other)
    for name, value in statistics(network).items():
        torch.testing.assert_close(value, expected[name])


def test_statistics_are_the_same_each_time_whatever_they_were_and_however_images_are_augmented(
    shared_table: Path,
) -> None:
    config = configure(shared_table, "test_resnet")
    dataset = load_dataset(config.data)
    network = spoiled(config, dataset)
    before = [norm.momentum for norm in norms_of(network)]
    weights = {name: value.clone() for name, value in network.named_parameters()}
    renew_statistics(network, dataset, config, 10)
    first = statistics(network)
    assert [norm.momentum for norm in norms_of(network)] == before
    assert all(torch.equal(value, weights[name]) for name, value in network.named_parameters())
    dropping = configure(
        shared_table, "test_resnet",
        backbone={"name": "test_resnet", "pretrained": False, "drop_path": 0.5},
        augmentation={"horizontal_flip": True, "policy": "trivial", "mixup": 0.5},
    )  # fmt: skip
    other = spoiled(dropping, dataset)
    other.load_state_dict(network.state_dict())
    renew_statistics(other, dataset, dropping, 10)
    again = statistics(other)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_network_without_such_statistics_is_left_as_it_is(shared_table: Path) -> None:
    config = configure(shared_table, "test_convnext")
    dataset = load_dataset(config.data)
    network = spoiled(config, dataset)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    renew_statistics(network, dataset, config, 10)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
