"""A run over folds: the model sees all of their images, and is judged by networks that did not."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sedn.config import TrainingConfig
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.metrics import auc_within
from sedn.run.calibration import fit_calibration
from sedn.run.model_file import MODEL, read_header
from sedn.run.summary import read_summary
from sedn.run.train import train_run
from sedn.training.checkpoints.folder import load_state
from sedn.training.checkpoints.predictions import load_predictions
from sedn.training.checkpoints.storage import CHECKPOINT, fold_folder
from sedn.training.result import EpochResult
from tests.conftest import write_table
from tests.sedn.run.test_changed_data import configure as plain
from tests.sedn.run.test_changed_data import move_image_to_test
from tests.sedn.training.test_restart import Stopped, assert_equal

FOLDS, EPOCHS = 2, 2


def configure(table: Path, **fields: object) -> TrainingConfig:
    return plain(table).model_copy(update={"folds": FOLDS, **fields})


@pytest.fixture(scope="module")
def config(shared_table: Path) -> TrainingConfig:
    return configure(shared_table)


@pytest.fixture(scope="module")
def run(config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "best"
    train_run(config, folder)
    return folder


@pytest.fixture(scope="module")
def trial(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search's trial of the configuration: the networks of the folds alone."""
    folder = tmp_path_factory.mktemp("trial")
    for fold in range(FOLDS):
        shutil.copytree(fold_folder(str(run), fold), fold_folder(str(folder), fold))
    return folder


def test_the_model_is_trained_on_the_images_of_all_folds(run: Path, config: TrainingConfig) -> None:
    state = load_state(str(run), torch.device("cpu"))
    assert state is not None
    assert state["identity"]["images"] == {"train": 72, "test": 18}
    assert [fields["epoch"] for fields in state["history"]] == [1, 2]
    rows = list(csv.DictReader((run / "epochs.csv").open()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS * (FOLDS + 1) + 1))
    losses = [float(row["train_loss"]) for row in rows[-2:]]
    assert losses == [fields["train_loss"] for fields in state["history"]]
    # No image is left to validate the model on.
    assert {row["mean_auc"] for row in rows[-3:]} == {rows[-1]["mean_auc"]}
    assert read_summary(run).epochs == config.epochs


def test_estimate_and_calibration_are_of_networks_that_did_not_see_the_image(
    run: Path, config: TrainingConfig
) -> None:
    found = load_predictions(str(run))
    assert found is not None
    summary, header = read_summary(run), read_header(run / MODEL)
    estimate = auc_within(found.targets, found.scores, found.numbered_folds)
    assert summary.validation_mean_auc == estimate.mean
    assert summary.folds == FOLDS
    dataset = load_dataset(config.data)
    assert header.calibration == fit_calibration(dataset.labels, found.targets, found.scores)
    card = " ".join((run / "README.md").read_text().split())
    assert f"{estimate.mean:.4f} over 2 folds of train and validation, each image scored by a" in (
        card
    )
    assert "fitted on the scores of the folds; the test split was read once" in card
    assert "trained on train and validation together" in card
    assert "on validation" not in card


def test_networks_of_a_trial_are_taken_in_place_of_training_them(
    run: Path, trial: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    steps: list[tuple[int, int, int]] = []
    train_run(
        config, tmp_path / "run",
        on_step=lambda *step: steps.append(step), trained_folds=str(trial),
    )  # fmt: skip
    first = config.total_epochs + 1
    assert {epoch for epoch, *_ in steps} == {first, first + 1}
    assert_equal(tmp_path / "run", run)
    assert read_header(tmp_path / "run" / MODEL) == read_header(run / MODEL)


@pytest.mark.parametrize("fields", [{"seed": 1}, {"epochs": 3}, {"folds": 3}])
def test_networks_of_another_training_are_not_taken(
    fields: dict[str, int], trial: Path, shared_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="/fold-1: holds no network that was trained without fold"):
        train_run(configure(shared_table, **fields), tmp_path / "run", trained_folds=str(trial))
    assert not list((tmp_path / "run").glob("fold-*"))


def test_networks_of_folds_are_refused_for_a_configuration_without(
    trial: Path, shared_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="`trained_folds`: names networks of folds"):
        train_run(plain(shared_table), tmp_path / "run", trained_folds=str(trial))
    assert not (tmp_path / "run").exists()


def stop_after(epoch: int) -> Callable[[EpochResult], None]:
    def stop(result: EpochResult) -> None:
        if result.epoch == epoch:
            raise Stopped

    return stop


def test_stopped_among_the_folds_and_after_a_run_goes_on_to_the_same_model(
    run: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    for epoch in (3, 5):
        with pytest.raises(Stopped):
            train_run(config, tmp_path / "run", stop_after(epoch))
    assert train_run(config, tmp_path / "run") == read_summary(run)
    assert_equal(tmp_path / "run", run)


def test_a_run_does_not_go_on_with_other_data(tmp_path: Path) -> None:
    """Within the network of all images, and within the folds."""
    table = write_table(tmp_path)
    config = configure(table)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run", stop_after(5))
    move_image_to_test(table)
    load_dataset.cache_clear()
    for place in ("run", "run/fold-2", "run/fold-1"):
        with pytest.raises(UserError, match="the training was started on other data or settings"):
            train_run(config, tmp_path / "run")
        (tmp_path / place / CHECKPOINT).unlink()


def test_a_damaged_checkpoint_is_trained_again(
    run: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    for place in (tmp_path / "run" / "fold-2", tmp_path / "run"):
        (place / CHECKPOINT).write_bytes((place / CHECKPOINT).read_bytes()[:-100])
    train_run(config, tmp_path / "run")
    assert_equal(tmp_path / "run", run)
