"""A training run of one configuration: epochs to a model, then its AUC on the test split."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.config import TrainingConfig, load_config
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.files import check_folder, make_folder, write_bytes, write_text
from sedn.network import SemanticNetwork, check_network, check_pretrained_available
from sedn.registry import SEMANTIC_SOURCES
from sedn.run.calibration import fit_calibration
from sedn.run.hub import write_backbone, write_hub_config
from sedn.run.model_card import write_card
from sedn.run.model_file import MODEL, ModelHeader, save_model
from sedn.run.reliability import write_reliability
from sedn.run.resuming import check_unchanged_data
from sedn.run.scoring import restore_network, score_split
from sedn.run.summary import SUMMARY, RunSummary, read_summary, summarise, write_summary
from sedn.run.tracking import UNTRACKED, Tracking, check_tracking, open_trackers
from sedn.training.epochs import OnStep, train_epochs
from sedn.training.optimization.optimizer import check_optimizer
from sedn.training.result import EpochResult

CONFIG = "config.yaml"
EPOCHS = "epochs.csv"
TEST_SCORES = "test.npz"


def train_run(
    config: TrainingConfig,
    folder: Path,
    show: Callable[[EpochResult], None] = lambda result: None,
    tracking: Tracking = UNTRACKED,
    on_step: OnStep = lambda epoch, step, steps: None,
) -> RunSummary:
    """Train into ``folder``, or go on where the run there stopped; a finished one is only read.

    The folder holds the configuration, each epoch's validation as CSV, the model as safetensors
    with what computes its maps, if anything does, and the scores and AUC on the test split,
    which is read when training has ended; docs/training.md lists all of it.

    Raises:
        UserError: the folder holds a run of another configuration or of other data, or cannot be
            written, or the data, the backbone, the optimiser or a tracker cannot be had.
    """
    check_tracking(tracking)
    check_run(config, folder)
    _claim(config, folder)
    is_finished = (folder / SUMMARY).exists()
    check_unchanged_data(config, folder)
    if is_finished and tracking == UNTRACKED:
        return read_summary(folder)
    with open_trackers(tracking, config, folder) as trackers:
        history: list[EpochResult] = []
        # Of a finished run this only tells the epochs again, for a tracker that lacks some.
        for result in train_epochs(config, str(folder), on_step=on_step):
            history.append(result)
            for tracker in trackers:
                if result.epoch > tracker.last_epoch:
                    tracker.log_epoch(result)
            if not is_finished:
                show(result)
        if not is_finished:
            write_text(folder / EPOCHS, _epochs_csv(history))
            _finish(config, folder, history[-1])
        summary = read_summary(folder)
        for tracker in trackers:
            tracker.log_end(config, summary, folder)
    return summary


def check_run(config: TrainingConfig, folder: Path) -> None:
    """Check the configuration and the folder before the data are read; nothing is written.

    Raises:
        UserError: the folder holds a run of another configuration or cannot be written, or the
            backbone, the optimiser or what computes the maps cannot be had.
    """
    check_network(config)
    check_optimizer(config.optimizer.name)
    if computed := SEMANTIC_SOURCES.find(config.semantic_map.source).computed:
        computed.check(config.semantic_map)
    path = folder / CONFIG
    if not path.exists():
        check_folder(folder)
        check_pretrained_available([config])
    elif load_config(path) != config:
        raise UserError(f"{folder}: holds a run of another configuration; name another folder")


def read_test_scores(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets and logits of a finished run on the test split, each ``(images, labels)``."""
    with np.load(folder / TEST_SCORES) as arrays:
        return arrays["targets"], arrays["logits"]


def _claim(config: TrainingConfig, folder: Path) -> None:
    """Write the configuration into the folder, unless it is there."""
    make_folder(folder)
    if not (folder / CONFIG).exists():
        write_text(folder / CONFIG, config.to_yaml())


def _finish(config: TrainingConfig, folder: Path, last: EpochResult) -> None:
    """Save the trained model and what it reaches on the test split; the summary comes last."""
    dataset = load_dataset(config.data)
    network = restore_network(config, dataset, str(folder))
    at_once = 2 * int(last.cost("micro_batch") or config.batch_size)
    validation = score_split(network, dataset, "validation", config, at_once)
    calibration = fit_calibration(dataset.labels, dataset.splits["validation"].truth, validation)
    header = ModelHeader(
        config,
        dataset.labels,
        dataset.regions,
        dataset.has_indicator,
        calibration,
        dataset.levels,
    )
    _save_model(network, header, folder)
    logits = score_split(network, dataset, "test", config, at_once)
    targets = dataset.splits["test"].truth
    _save_scores(targets, logits, folder)
    write_reliability(targets, logits, calibration, folder)
    summary = summarise(config, dataset, logits, calibration, last)
    write_card(header, summary, dataset, folder)
    write_summary(summary, folder)


def _save_model(network: SemanticNetwork, header: ModelHeader, folder: Path) -> None:
    """The model, as the hub and timm know one, and what computes its maps: all that scores a new
    image.
    """
    save_model(network, header, folder / MODEL)
    write_hub_config(network, header, folder)
    write_backbone(network, header, folder)
    semantic_map = header.config.semantic_map
    if computed := SEMANTIC_SOURCES.find(semantic_map.source).computed:
        computed.keep(semantic_map, folder)


def _save_scores(targets: NDArray[np.float32], logits: NDArray[np.float32], folder: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, targets=targets, logits=logits)
    write_bytes(folder / TEST_SCORES, buffer.getvalue())


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
