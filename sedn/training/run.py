"""A training run of one configuration: epochs to a model, then its AUC on the test split."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig, load_config
from sedn.data import Dataset, load_dataset
from sedn.errors import UserError
from sedn.files import make_folder, write_bytes, write_text
from sedn.metrics import auc
from sedn.network import SemanticNetwork
from sedn.training.batches import view_split
from sedn.training.device import pick_device
from sedn.training.epochs import train_epochs
from sedn.training.evaluation import predict
from sedn.training.model_file import MODEL, ModelHeader, save_model
from sedn.training.result import EpochResult, by_label
from sedn.training.state import create_network, load_trained

CONFIG = "config.yaml"
EPOCHS = "epochs.csv"
SEGMENTER = "segmenter"
SUMMARY = "summary.json"
TEST_SCORES = "test.npz"


@dataclass(frozen=True)
class RunSummary:
    """What a finished run reached on the test split, which it read once."""

    mean_auc: float
    mean_auc_stderr: float
    label_auc: dict[str, float | None]
    """AUC by label; ``None`` where the test split lacks one of the classes."""
    label_auc_stderr: dict[str, float | None]
    validation_mean_auc: float
    map_source: str
    """Who supplied the maps at test time: a given map is an oracle's."""
    data_fingerprint: str
    skipped_images: int
    """Images of the data that could not be read and were left out."""
    epochs: int
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return asdict(self)


def train_run(
    config: TrainingConfig,
    folder: Path,
    show: Callable[[EpochResult], None] = lambda result: None,
) -> RunSummary:
    """Train into ``folder``, or go on where the run there stopped; a finished one is only read.

    The folder holds the configuration, each epoch's validation as CSV, the model as safetensors
    with the segmenter that its maps come from, if any, and the scores and AUC on the test split,
    which is read when training has ended.

    Raises:
        UserError: the folder holds a run of another configuration, or cannot be written, or the
            data or the backbone cannot be had.
    """
    _claim(config, folder)
    if (folder / SUMMARY).exists():
        return read_summary(folder)
    history: list[EpochResult] = []
    for result in train_epochs(config, str(folder)):
        history.append(result)
        show(result)
    write_text(folder / EPOCHS, _epochs_csv(history))
    return _evaluate(config, folder, history[-1])


def read_summary(folder: Path) -> RunSummary:
    """What the finished run in ``folder`` reached.

    Raises:
        UserError: the folder holds no finished run.
    """
    try:
        return RunSummary(**json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no finished run; `sedn train` makes one") from None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{folder / SUMMARY}: cannot be read: {error}") from None


def read_test_scores(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets and logits of a finished run on the test split, each ``(images, labels)``."""
    with np.load(folder / TEST_SCORES) as arrays:
        return arrays["targets"], arrays["logits"]


def _claim(config: TrainingConfig, folder: Path) -> None:
    """Write the configuration into the folder, unless the folder is another run's."""
    make_folder(folder)
    path = folder / CONFIG
    if not path.exists():
        write_text(path, config.to_yaml())
    elif load_config(path) != config:
        raise UserError(f"{folder}: holds a run of another configuration; name another folder")


def _evaluate(config: TrainingConfig, folder: Path, last: EpochResult) -> RunSummary:
    """Save the trained model and what it reaches on the test split; the summary comes last."""
    dataset = load_dataset(config.data)
    network = _restore_network(config, dataset, folder)
    _save_model(network, dataset, config, folder)
    view = view_split(dataset, "test", config)
    logits = predict(network, view, 2 * config.batch_size, has_indicator=dataset.has_indicator)
    targets = dataset.splits["test"].targets
    buffer = io.BytesIO()
    np.savez(buffer, targets=targets, logits=logits)
    write_bytes(folder / TEST_SCORES, buffer.getvalue())
    estimate = auc(targets, logits)
    summary = RunSummary(
        mean_auc=estimate.mean,
        mean_auc_stderr=estimate.mean_stderr,
        label_auc=by_label(dataset.labels, estimate.labels),
        label_auc_stderr=by_label(dataset.labels, estimate.labels_stderr),
        validation_mean_auc=last.mean_auc,
        map_source=config.map_source,
        data_fingerprint=dataset.fingerprint,
        skipped_images=dataset.skipped,
        epochs=last.epoch,
        parameters=last.parameters,
    )
    write_text(folder / SUMMARY, json.dumps(summary.to_json(), indent=1) + "\n")
    return summary


def _restore_network(config: TrainingConfig, dataset: Dataset, folder: Path) -> SemanticNetwork:
    """The network as the last epoch left it; pretrained weights, all replaced, are not fetched."""
    backbone = config.backbone.model_copy(update={"pretrained": False})
    device = pick_device()
    network = create_network(config.model_copy(update={"backbone": backbone}), dataset, device)
    load_trained(str(folder), network, device)
    return network


def _save_model(
    network: SemanticNetwork, dataset: Dataset, config: TrainingConfig, folder: Path
) -> None:
    """The model, and the segmenter that predicts its maps: all that scores a new image."""
    header = ModelHeader(config, dataset.labels, dataset.regions, dataset.has_indicator)
    save_model(network, header, folder / MODEL)
    if config.semantic_map.source == "predicted":
        from sedn.segmentation.segmenter import copy_segmenter

        copy_segmenter(Path(config.semantic_map.segmenter), folder / SEGMENTER)


def _epochs_csv(history: list[EpochResult]) -> str:
    """One row an epoch: loss, time, mean AUC with its error, and each label's AUC."""
    text = io.StringIO()
    labels = list(history[0].label_auc)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "train_loss", "seconds", "mean_auc", "mean_auc_stderr", *labels])
    for result in history:
        row = (result.epoch, result.train_loss, result.seconds)
        writer.writerow([*row, result.mean_auc, result.mean_auc_stderr, *result.label_auc.values()])
    return text.getvalue()
