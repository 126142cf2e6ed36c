"""A search keeps the scores of every trial that it trained whole, and the store knows where."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from results import Store, Trial, TrialState, open_store, rank, write_frames
from results.predictions import read_predictions
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from sedn.metrics import auc
from sedn.training.checkpoints.storage import CHECKPOINT

SPACE = """
name: doubles
description: one trial is the double of another
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  batch_size: 16
  epochs: 2
axes:
  embedding.placement: {choice: [none, input, stage1]}
  attention.kind: {choice: [se], when: {embedding.placement: stage1}}
  attention.reduction_ratio: {choice: [4, 16, 32], when: {embedding.placement: stage1}}
first:
  - {embedding.placement: stage1, attention.reduction_ratio: 16}
  - {embedding.placement: stage1, attention.reduction_ratio: 32}
"""


def searched(table: Path, folder: Path, storage: str, **fields: object) -> Store:
    folder.mkdir(exist_ok=True)
    (folder / "space.yaml").write_text(SPACE)
    settings = SearchSettings.model_validate({"data": str(table), "sampler": "random"} | fields)
    where = Resources(backend="local", storage_path=storage)
    url = f"sqlite:///{folder}/sedn.db"
    assert run_search("kept", str(folder / "space.yaml"), settings, url, where).finished
    return open_store(url)


@pytest.fixture(scope="module")
def whole(shared_table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    """A search of three trials, the last a double, and the folder that it lies in."""
    folder = tmp_path_factory.mktemp("whole")
    return searched(shared_table, folder, str(folder / "runs"), trials=3, scheduler="none"), folder


def value_of(trial: Trial, storage: str | None = None) -> tuple[float, float]:
    found = read_predictions(trial, storage)
    estimate = auc(found.targets, found.scores)
    return estimate.mean, estimate.mean_stderr


def test_the_auc_of_what_is_kept_is_that_of_the_trial(whole: tuple[Store, Path]) -> None:
    store, _ = whole
    trials = store.trials(1)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    for trial in trials:
        assert value_of(trial) == (trial.mean_auc, trial.mean_auc_stderr)
    labels = store.label_aucs(1)
    for trial in trials[:2]:
        found = read_predictions(trial)
        of_trial = labels[labels["trial"] == trial.number].set_index("label")["auc"]
        estimate = auc(found.targets, found.scores)
        assert of_trial.to_dict() == dict(zip(found.labels, estimate.labels, strict=True))


def test_a_double_has_those_of_the_trial_that_answered_it(whole: tuple[Store, Path]) -> None:
    original, double = whole[0].trials(1)[1:]
    assert double.duplicate_of == original.number
    assert double.predictions == original.predictions
    assert (read_predictions(double).scores == read_predictions(original).scores).all()


def test_a_ranking_compares_what_is_kept(whole: tuple[Store, Path]) -> None:
    ranked = rank(whole[0], "kept")
    assert len(ranked) == 2
    assert ranked["tied"].notna().all()
    assert ranked.loc[ranked["role"] != "baseline", "better"].notna().all()


def test_all_trials_of_a_split_have_one_fingerprint(whole: tuple[Store, Path]) -> None:
    trials = whole[0].trials(1)
    assert len({trial.predictions_fingerprint for trial in trials}) == 1
    assert read_predictions(trials[0]).fingerprint == trials[0].predictions_fingerprint


def test_they_outlive_checkpoints_and_are_found_where_they_were_moved(
    whole: tuple[Store, Path], tmp_path: Path
) -> None:
    store, folder = whole
    trial, other = store.trials(1)[:2]
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder / "runs", copy)
    for checkpoint in copy.glob(f"*/*/{CHECKPOINT}"):
        checkpoint.unlink()
    assert value_of(trial, str(copy)) == (trial.mean_auc, trial.mean_auc_stderr)
    assert value_of(trial, f"file://{copy}/") == (trial.mean_auc, trial.mean_auc_stderr)
    with pytest.raises(UserError, match=r"trial 0: its predictions are not at '.*npz'; see that"):
        read_predictions(trial, str(tmp_path))
    ours, theirs = (
        copy / Path(row.predictions or "").relative_to(folder / "runs") for row in (trial, other)
    )
    shutil.copy(theirs, ours)
    with pytest.raises(UserError, match=r"trial 0: the predictions at '.*npz' are of another tr"):
        read_predictions(trial, str(copy))


def test_they_are_kept_behind_a_uri(table: Path, tmp_path: Path) -> None:
    store = searched(table, tmp_path / "uri", f"file://{tmp_path}/runs", trials=1)
    (trial,) = store.trials(1)
    assert (trial.predictions or "").startswith("file://")
    assert value_of(trial) == (trial.mean_auc, trial.mean_auc_stderr)


@pytest.mark.parametrize(
    ("state", "epochs", "said"),
    [
        (TrialState.PRUNED, 1, "it is pruned after epoch 1 of 3"),
        (TrialState.RUNNING, 2, "it is running after epoch 2 of 3"),
        (TrialState.COMPLETE, 3, "an earlier version of sedn-search"),
    ],
)
def test_a_trial_without_any_says_why(state: TrialState, epochs: int, said: str) -> None:
    trial = Trial(number=4, state=state, epochs=epochs, target_epochs=3, predictions=None)
    with pytest.raises(UserError, match=f"trial 4: kept no predictions: {said}"):
        read_predictions(trial)


def test_other_programs_read_them_beside_the_truth(
    whole: tuple[Store, Path], tmp_path: Path
) -> None:
    store, folder = whole
    said = write_frames(store, "kept", tmp_path / "frames")
    scores = pd.read_parquet(tmp_path / "frames" / "predictions.parquet")
    targets = pd.read_parquet(tmp_path / "frames" / "targets.parquet")
    assert sum("Wrote" in line for line in said) == len(said) == 5
    for trial in store.trials(1):
        found = read_predictions(trial)
        of_trial = scores[scores["trial"] == trial.number]
        assert list(of_trial["image"]) == list(targets["image"]) == list(found.images)
        names = [f"score.{label}" for label in found.labels]
        assert (of_trial[names].to_numpy() == found.scores).all()
        truth = targets[[f"target.{label}" for label in found.labels]].to_numpy()
        assert auc(truth, of_trial[names].to_numpy()).mean == trial.mean_auc
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    (moved / "runs").rename(moved / "there")
    copy = open_store(f"sqlite:///{moved}/sedn.db")
    shutil.rmtree(next((moved / "there").glob("*/00001")))
    said = write_frames(copy, "kept", tmp_path / "again", str(moved / "there"))
    assert sum("its predictions are not at" in line for line in said) == 2, "and of its double"
    assert set(pd.read_parquet(tmp_path / "again" / "predictions.parquet")["trial"]) == {0}
