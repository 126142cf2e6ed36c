"""The statistics of norms over a batch, computed anew for weights that no training ended with.

A network whose weights are an average has other activations than the networks that were averaged,
and the average of their statistics does not fit these (Izmailov et al., Averaging Weights Leads to
Wider Optima, UAI 2018). So they are computed from the training images, as
``torch.optim.swa_utils.update_bn`` does: the mean over batches.
"""

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.network import SemanticNetwork
from sedn.training.device import normalise
from sedn.training.inputs.batches import (
    map_input,
    part_sizes,
    unchanged_batches,
    view_split,
)


@torch.no_grad()
def renew_statistics(
    network: SemanticNetwork, dataset: Dataset, config: TrainingConfig, at_once: int
) -> None:
    """Compute the statistics of the norms over a batch from the training images.

    The images are not augmented, and all else of the network is as in evaluation: no dropout, no
    drop path. The seed of the configuration decides which images are in a batch.

    Args:
        network: has its weights, and is left in evaluation mode; unchanged where no part of it has
            such statistics.
        dataset: that the networks were trained on.
        config: of the training.
        at_once: images of a batch, at most.
    """
    norms = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]
    if not norms:
        return
    view = view_split(dataset, "train", config)
    order = np.random.default_rng([config.seed, 2]).permutation(len(view.split))
    ends = np.cumsum(part_sizes(len(order), at_once, pairs=True))[:-1]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        # The mean over all batches, each counting as much.
        norm.momentum = None
        norm.train()
    device = next(network.parameters()).device
    batches = [np.sort(rows) for rows in np.split(order, ends)]
    for batch, _ in unchanged_batches(view, batches, device):
        network(normalise(batch.images, network), map_input(batch, dataset.has_indicator))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
