"""The files of a finished model: the model itself, and its results on the test split."""

import io
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.files import write_bytes
from sedn.network import SemanticNetwork
from sedn.registry import SEMANTIC_SOURCES
from sedn.run.calibration import fit_calibration
from sedn.run.hub import write_backbone, write_hub_config
from sedn.run.model_card import write_card
from sedn.run.model_file import MODEL, ModelHeader, save_model
from sedn.run.reliability import write_reliability
from sedn.run.summary import RunSummary, summarise, write_summary
from sedn.run.trained_maps import compare_maps, describe_maps

TEST_SCORES = "test.npz"
_log = logging.getLogger(__name__)


def describe_model(
    config: TrainingConfig,
    dataset: Dataset,
    truth: NDArray[np.floating],
    logits: NDArray[np.float32],
) -> ModelHeader:
    """Build the header of a model with these ``logits`` of images that were not trained on, and
    their ``truth``, both (images, labels).
    """
    return ModelHeader(
        config,
        dataset.labels,
        dataset.regions,
        dataset.has_indicator,
        fit_calibration(dataset.labels, truth, logits),
        dataset.levels,
        maps=describe_maps(config, dataset),
    )


def save_model_folder(network: SemanticNetwork, header: ModelHeader, folder: Path) -> None:
    """The model, as the hub and timm know one, and what computes its maps: all that scores a new
    image.
    """
    save_model(network, header, folder / MODEL)
    write_hub_config(network, header, folder)
    write_backbone(network, header, folder)
    semantic_map = header.config.semantic_map
    if computed := SEMANTIC_SOURCES.find(semantic_map.source).computed:
        computed.keep(semantic_map, folder)


def write_results(
    header: ModelHeader,
    dataset: Dataset,
    logits: NDArray[np.float32],
    folder: Path,
    *,
    validation_mean_auc: float,
    epochs: int,
    parameters: int,
    made: str | None = None,
) -> RunSummary:
    """Write scores, page, card and summary of a model with these ``logits`` (images, labels) of the
    test split. The summary comes last, and makes the folder that of a finished run.

    Args:
        header: of the model.
        dataset: that it was trained on.
        logits: of the test split.
        folder: of the model.
        validation_mean_auc: of the model.
        epochs: number of epochs of its training.
        parameters: number of its parameters.
        made: a sentence for its card on how the model was made; ``None``: its ``config.yaml`` says
            so.
    """
    targets = dataset.splits["test"].truth
    buffer = io.BytesIO()
    np.savez(buffer, targets=targets, logits=logits)
    write_bytes(folder / TEST_SCORES, buffer.getvalue())
    write_reliability(targets, logits, header.calibration, folder)
    summary = summarise(
        header, dataset, logits,
        validation_mean_auc=validation_mean_auc, epochs=epochs, parameters=parameters,
    )  # fmt: skip
    write_card(header, summary, dataset, folder, made)
    if said := compare_maps(header.maps, dataset, "test"):
        _log.warning("%s: the test images have maps unlike the training's: %s", dataset.name, said)
    write_summary(summary, folder)
    return summary


def read_test_scores(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets and logits of a finished run on the test split, each ``(images, labels)``."""
    with np.load(folder / TEST_SCORES) as arrays:
        return arrays["targets"], arrays["logits"]
