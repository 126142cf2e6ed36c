"""A training run of one configuration: epochs to a model, then its AUC on the test split."""

import csv
import io
import logging
from collections.abc import Callable
from pathlib import Path

from sedn.config import TrainingConfig, load_config
from sedn.data import forget_datasets, load_dataset
from sedn.errors import UserError
from sedn.files import check_folder, make_folder, write_text
from sedn.network import check_network, check_pretrained_available
from sedn.registry import SEMANTIC_SOURCES, describe_source
from sedn.run.finishing import describe_model, save_model_folder, write_results
from sedn.run.resuming import check_unchanged_data
from sedn.run.scoring import restore_network, score_split
from sedn.run.summary import SUMMARY, RunSummary, read_summary
from sedn.run.tracking import UNTRACKED, Tracking, check_tracking, open_trackers
from sedn.run.trained_maps import tell_maps
from sedn.training.all_images import take_folds, train_on_all
from sedn.training.checkpoints.predictions import load_predictions
from sedn.training.epochs import OnStep, train_epochs
from sedn.training.inputs.sources import check_masks
from sedn.training.optimization.optimizer import check_optimizer
from sedn.training.result import EpochResult

CONFIG = "config.yaml"
EPOCHS = "epochs.csv"
_log = logging.getLogger(__name__)


def train_run(
    config: TrainingConfig,
    folder: Path,
    show: Callable[[EpochResult], None] = lambda result: None,
    tracking: Tracking = UNTRACKED,
    on_step: OnStep = lambda epoch, step, steps: None,
    trained_folds: str | None = None,
) -> RunSummary:
    """Train into ``folder``, or go on where the run there stopped; a finished one is only read.

    With folds a network is trained for each, and then the model, on all images that the folds were
    cut from. What is fitted on validation is then fitted on the scores of all these images, each by
    the network of a fold that did not see the image.

    The folder holds the configuration, each epoch's validation as CSV, the model as safetensors
    with what computes its maps, if anything does, and the scores and AUC on the test split,
    which is read when training has ended; docs/training.md lists all of it.

    Args:
        config: what is trained.
        folder: of the run.
        show: called with each epoch that is trained, or known from an earlier start.
        tracking: where the run is logged besides.
        on_step: called after each step.
        trained_folds: folder or URI of a trial of this configuration, whose networks of the folds
            are taken in place of ones that are trained here.

    Raises:
        UserError: the folder holds a run of another configuration or of other data, or cannot be
            written, or the data, the backbone, the optimiser or a tracker cannot be had; or
            ``trained_folds`` does not hold the networks of the folds.
    """
    forget_datasets()
    check_tracking(tracking)
    check_run(config, folder)
    if trained_folds is not None:
        _check_folds(config)
    if not (folder / CONFIG).exists():
        _check_maps(config)
    _claim(config, folder)
    is_finished = (folder / SUMMARY).exists()
    check_unchanged_data(config, folder)
    if is_finished and tracking == UNTRACKED:
        return read_summary(folder)
    if trained_folds is not None and not is_finished:
        take_folds(config, trained_folds, str(folder))
    with open_trackers(tracking, config, folder) as trackers:
        history: list[EpochResult] = []
        # Of a finished run this only tells the epochs again, for a tracker that lacks some.
        train = train_epochs if config.folds is None else train_on_all
        for result in train(config, str(folder), on_step=on_step):
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
        if (folder / SUMMARY).exists():
            raise UserError(
                f"{folder}: holds a model of `sedn combine`, and no training of its own; name "
                f"another folder"
            )
        check_folder(folder)
        check_pretrained_available([config])
    elif _of_any_data(load_config(path)) != _of_any_data(config):
        raise UserError(f"{folder}: holds a run of another configuration; name another folder")


def _of_any_data(config: TrainingConfig) -> TrainingConfig:
    """The configuration without the fingerprint of its data: a run knows its own data."""
    return config.model_copy(update={"data": config.data.of_fingerprint("")})


def _check_maps(config: TrainingConfig) -> None:
    """Check that there are maps where the network needs some, and tell maps that may be wrong."""
    dataset = load_dataset(config.data)
    check_masks(dataset, config)
    if describe_source(config.map_source).needs_masks:
        for line in tell_maps(dataset):
            _log.warning("%s: %s", dataset.name, line)


def _check_folds(config: TrainingConfig) -> None:
    if config.folds is None:
        raise UserError(
            "`trained_folds`: names networks of folds, and the configuration has no `folds`; leave "
            "one of them out, or give both"
        )


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
    if config.folds is None:
        truth = dataset.splits["validation"].truth
        validation = score_split(network, dataset, "validation", config, at_once)
    else:
        kept = load_predictions(str(folder))
        assert kept is not None, "the scores of the folds are written before the last result"
        truth, validation = kept.targets, kept.scores
    header = describe_model(config, dataset, truth, validation)
    save_model_folder(network, header, folder)
    logits = score_split(network, dataset, "test", config, at_once)
    size = int(last.costs["parameters"] or 0)
    write_results(
        header, dataset, logits, folder,
        validation_mean_auc=last.mean_auc, epochs=config.epochs, parameters=size,
    )  # fmt: skip


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
