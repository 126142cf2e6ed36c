"""Training over folds: a network for each, valued together, gone on with wherever it stopped."""

import json
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from sedn.config import TrainingConfig, config_hash
from sedn.data import load_dataset
from sedn.data.folds import Folds
from sedn.errors import DataChanged, TimeExceeded
from sedn.metrics import auc, auc_within
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.influence import load_influence
from sedn.training.checkpoints.predictions import PREDICTIONS, load_predictions
from sedn.training.checkpoints.storage import CHECKPOINT, fold_folder, has_checkpoint
from sedn.training.epochs import train_epochs
from sedn.training.folds import train_folds, train_trial
from sedn.training.result import EpochResult
from tests.sedn.training.test_restart import Stopped, configure, damage

FOLDS, EPOCHS = 3, 2
EVERY_STEP = Bounds(checkpoint_seconds=0.0)


@pytest.fixture(scope="module")
def config(shared_table: Path) -> TrainingConfig:
    return small(shared_table)


def small(table: Path, **fields: object) -> TrainingConfig:
    return configure(table, epochs=EPOCHS, folds=FOLDS, batch_size=16, micro_batch_size=8, **fields)


@pytest.fixture(scope="module")
def whole(
    config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpochResult]]:
    """A training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, list(train_trial(config, str(folder)))


def told(results: list[EpochResult]) -> list[tuple[object, ...]]:
    """What a search decides by, and what it keeps."""
    return [
        (r.epoch, r.mean_auc, r.mean_auc_stderr, r.label_auc, r.train_loss, r.predictions)
        for r in results
    ]


def stop_in_training(passes: int) -> torch.utils.hooks.RemovableHandle:
    """Break a pass of a network that learns with that number, from now on."""
    seen = 0

    def hook(module: torch.nn.Module, inputs: object) -> None:
        nonlocal seen
        seen += type(module).__name__ == "ConvNeXt" and module.training
        if seen == passes:
            raise Stopped

    return torch.nn.modules.module.register_module_forward_pre_hook(hook)


def test_epochs_are_counted_over_folds_and_valued_by_those_that_ended(
    config: TrainingConfig, whole: tuple[Path, list[EpochResult]]
) -> None:
    folder, results = whole
    assert [result.epoch for result in results] == list(range(1, config.total_epochs + 1))
    folds = Folds.draw(load_dataset(config.data), FOLDS, config.data.split_seed)
    plain = config.without_folds()
    own = []
    for fold in range(FOLDS):
        dataset, place = folds.hold_out(fold), fold_folder(str(folder), fold)
        history = list(train_epochs(plain, place, dataset=dataset))
        scored = load_predictions(place)
        assert scored is not None
        assert scored.images == dataset.splits["validation"].names
        own.append([auc(scored.targets, scored.scores).mean, history])
    first = own[0][1]
    assert [r.mean_auc for r in results[:EPOCHS]] == [r.mean_auc for r in first]
    for fold in range(1, FOLDS):
        ended = results[(fold + 1) * EPOCHS - 1]
        assert ended.mean_auc == pytest.approx(np.mean([mean for mean, _ in own[: fold + 1]]))
        within = results[fold * EPOCHS : (fold + 1) * EPOCHS - 1]
        before = results[fold * EPOCHS - 1]
        assert [r.mean_auc for r in within] == [before.mean_auc] * (EPOCHS - 1)
        losses = [r.train_loss for r in results[fold * EPOCHS : (fold + 1) * EPOCHS]]
        assert losses == [r.train_loss for r in own[fold][1]]


def test_the_scores_of_all_images_are_kept_and_their_auc_is_the_value(
    config: TrainingConfig, whole: tuple[Path, list[EpochResult]]
) -> None:
    folder, results = whole
    found, influence = load_predictions(str(folder)), load_influence(str(folder))
    assert found is not None
    assert influence is not None
    dataset = load_dataset(config.data)
    images = [*dataset.splits["train"].names, *dataset.splits["validation"].names]
    assert list(found.images) == images
    assert sorted(set(found.folds)) == list(range(FOLDS))
    assert (found.configuration, found.seed) == (config_hash(config), config.seed)
    assert found.data == dataset.fingerprint
    assert [r.predictions for r in results] == [None] * (len(results) - 1) + [found.fingerprint]
    estimate = auc_within(found.targets, found.scores, found.numbered_folds)
    assert (estimate.mean, estimate.mean_stderr) == (
        results[-1].mean_auc,
        results[-1].mean_auc_stderr,
    )
    assert np.sqrt(np.square(influence.values).sum()) == pytest.approx(estimate.mean_stderr)
    of_folds = [load_predictions(fold_folder(str(folder), fold)) for fold in range(FOLDS)]
    for fold, own in enumerate(of_folds):
        assert own is not None
        rows = [images.index(name) for name in own.images]
        assert (found.scores[rows] == own.scores).all()
        assert {found.folds[row] for row in rows} == {fold}


def test_killed_within_a_fold_it_goes_on_to_the_same_value(
    config: TrainingConfig, whole: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    for steps in (9, 8):
        handle = stop_in_training(steps)
        with pytest.raises(Stopped):
            list(train_folds(config, str(tmp_path), 0, EVERY_STEP))
        handle.remove()
        assert has_checkpoint(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold-1", "fold-2"]
    assert told(list(train_folds(config, str(tmp_path), 0, EVERY_STEP))) == told(whole[1])
    found, kept = load_predictions(str(tmp_path)), load_predictions(str(whole[0]))
    assert found is not None
    assert kept is not None
    assert (found.scores == kept.scores).all()


@pytest.mark.parametrize("known", (0, 1, 3, 4, FOLDS * EPOCHS))
def test_epochs_that_are_known_are_not_told_again(
    config: TrainingConfig, whole: tuple[Path, list[EpochResult]], known: int
) -> None:
    again = list(train_folds(config, str(whole[0]), known))
    assert told(again) == told(whole[1])[known:]


@pytest.mark.parametrize(("name", "kind"), [(CHECKPOINT, "truncated"), (PREDICTIONS, "empty")])
def test_a_fold_of_which_a_file_is_damaged_is_trained_again(
    config: TrainingConfig,
    whole: tuple[Path, list[EpochResult]],
    tmp_path: Path,
    name: str,
    kind: str,
) -> None:
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    damage(tmp_path / "fold-2" / name, kind)
    assert told(list(train_folds(config, str(tmp_path)))) == told(whole[1])
    assert (tmp_path / "fold-2" / f"{CHECKPOINT}.unused").exists()
    assert not (tmp_path / "fold-1" / f"{CHECKPOINT}.unused").exists()


def test_a_fold_of_another_seed_is_not_taken_for_ones_own(
    shared_table: Path,
    config: TrainingConfig,
    whole: tuple[Path, list[EpochResult]],
    tmp_path: Path,
) -> None:
    other = small(shared_table, seed=3)
    first = list(islice(train_folds(other, str(tmp_path)), EPOCHS))
    assert told(first) != told(whole[1])[:EPOCHS]
    again = list(islice(train_folds(config, str(tmp_path)), EPOCHS))
    assert told(again) == told(whole[1])[:EPOCHS]


def test_the_time_of_a_trial_is_that_of_all_its_folds(
    config: TrainingConfig, whole: tuple[Path, list[EpochResult]], tmp_path: Path
) -> None:
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "fold-3")
    spent = sum(result.seconds for result in whole[1][: 2 * EPOCHS])
    with pytest.raises(TimeExceeded, match="in epoch 1 at step 1 of"):
        list(train_folds(config, str(tmp_path), 0, Bounds(seconds=spent)))


def test_other_data_than_the_search_began_with_are_refused(
    config: TrainingConfig, tmp_path: Path
) -> None:
    with pytest.raises(DataChanged):
        next(train_folds(config, str(tmp_path), 0, Bounds(data_fingerprint="0" * 16)))
    meant = Bounds(data_fingerprint=load_dataset(config.data).fingerprint)
    assert next(train_folds(config, str(tmp_path), 0, meant)).epoch == 1


def test_without_folds_a_configuration_keeps_its_name(config: TrainingConfig) -> None:
    plain = config.without_folds()
    assert config_hash(plain) != config_hash(config)
    assert plain.total_epochs == EPOCHS
    # As versions that knew no folds have named it.
    fields = plain.model_dump(mode="json", exclude={"folds"})
    assert config_hash(TrainingConfig.model_validate_json(json.dumps(fields))) == (
        config_hash(plain)
    )
