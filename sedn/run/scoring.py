"""A trained network again, from the folder of its training, and its scores on a split."""

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.network import SemanticNetwork
from sedn.training.checkpoints.state import create_network, load_trained
from sedn.training.device import pick_device
from sedn.training.evaluation import predict
from sedn.training.inputs.batches import view_split


def restore_network(config: TrainingConfig, dataset: Dataset, folder: str) -> SemanticNetwork:
    """The network as the last epoch left it; pretrained weights, all replaced, are not fetched.

    Raises:
        FileNotFoundError: nothing was trained in ``folder``.
    """
    device = pick_device()
    network = create_network(config.from_scratch(), dataset, device)
    load_trained(folder, network, device)
    return network


def score_split(
    network: SemanticNetwork, dataset: Dataset, split: str, config: TrainingConfig, at_once: int
) -> NDArray[np.float32]:
    """``(images, labels)``: logits of the network on a split, ``at_once`` images in a batch."""
    view = view_split(dataset, split, config)
    return predict(network, view, at_once, has_indicator=dataset.has_indicator)
