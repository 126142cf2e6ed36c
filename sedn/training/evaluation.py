"""Scores of a network on a split, and what they are worth."""

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.network import SemanticNetwork
from sedn.training.device import normalise
from sedn.training.inputs.batches import evaluation_batches, map_input
from sedn.training.inputs.fetching import View


@torch.inference_mode()
def predict(
    network: SemanticNetwork, view: View, batch_size: int, *, has_indicator: bool
) -> NDArray[np.float32]:
    """Logits ``(images, labels)`` of all images of a split, by the network in evaluation mode.

    In float32 wherever it runs: rounded scores would tie, and the AUC with them.
    """
    device = next(network.parameters()).device
    network.eval()
    logits = []
    for batch, _ in evaluation_batches(view, batch_size, device):
        logits.append(network(normalise(batch.images, network), map_input(batch, has_indicator)))
    return np.asarray(torch.cat(logits).cpu().numpy(), dtype=np.float32)
