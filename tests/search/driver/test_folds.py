"""A search over folds: what its trials are valued by, where they stop, and what reads them."""

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results import compare, export_config, open_store, rank
from results.database.models import TrialState
from results.database.store import Store
from results.predictions import read_predictions
from results.report.contents import read_findings
from results.report.page import render_report
from search.backends.local import run_local
from search.combination.running import run_combination
from search.confirmation.running import Confirmation, run_confirmation
from search.run import run_search
from search.settings import Resources, SearchSettings, build_settings
from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.document import parse_value
from sedn.errors import UserError
from sedn.metrics import auc_within
from sedn.prediction.predict import predict_images
from sedn.run.finishing import read_test_scores
from sedn.run.model_file import MODEL, read_header
from sedn.run.summary import read_summary
from sedn.run.train import train_run
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.predictions import load_predictions
from sedn.training.folds import train_trial
from sedn.training.result import EpochResult
from tests.search.crashes import Killed
from tests.search.histories import FLAT, height, history, result

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 16
axes:
  embedding.placement: {choice: [none, input, stage1]}
  optimizer.learning_rate: {choice: [1.0e-3, 1.0e-2]}
"""


def search(table: Path, folder: Path, name: str = "small", train: Any = None, **fields: Any) -> Any:
    (folder / "space.yaml").write_text(SPACE)
    given = {"data": str(table), "sampler": "random", "folds": 3} | fields
    settings = SearchSettings.model_validate(given)
    where = Resources(backend="local", storage_path=str(folder / "runs"))
    return run_search(name, str(folder / "space.yaml"), settings, url(folder), where, train=train)


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/sedn.db"


def told(store: Store) -> list[tuple[object, ...]]:
    """What became of each trial, and each of its epochs."""
    epochs = store.epochs(1)
    return [
        (row.params, row.state, row.mean_auc, row.predictions_fingerprint,
         [(epoch.epoch, epoch.mean_auc) for epoch in epochs[row.number]])
        for row in store.trials(1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def searched(shared_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search under asha, which has ended."""
    folder = tmp_path_factory.mktemp("searched")
    assert search(shared_table, folder, trials=4).finished
    return folder


def test_a_trial_is_valued_over_all_images(searched: Path) -> None:
    store = open_store(url(searched))
    complete = [row for row in store.trials(1) if row.state is TrialState.COMPLETE]
    assert len(complete) >= 2
    for row in complete:
        assert row.epochs == row.target_epochs == 6
        found = read_predictions(row)
        assert len(found.images) == 72
        estimate = auc_within(found.targets, found.scores, found.numbered_folds)
        assert (estimate.mean, estimate.mean_stderr) == (row.mean_auc, row.mean_auc_stderr)
    # The same folds for every trial.
    assert len({row.predictions_fingerprint for row in complete}) == 1
    labels = {label.name: label for label in store.labels(1)}
    assert labels["red"].validation_known == 72
    assert labels["red"].validation_positives == labels["red"].train_positives == 36


def test_the_experiment_keeps_its_folds_for_all_that_reads_it(
    searched: Path, shared_table: Path
) -> None:
    store = open_store(url(searched))
    assert store.experiment("small").folds == 3
    for row in store.trials(1):
        if row.state is TrialState.COMPLETE:
            # The mean over all folds, not the luckiest epoch of the first.
            assert (row.best_epoch, row.best_auc) == (6, row.mean_auc)
    page = render_report(read_findings(store, "small"))
    assert "in the first of 3 folds" in page


def test_ranking_and_comparison_read_the_folds(searched: Path) -> None:
    store = open_store(url(searched))
    ranked = rank(store, "small")
    assert ranked["tied"].notna().all()
    best, other = ranked["trial"].iloc[:2]
    compared = compare(store, f"small:{best}", f"small:{other}")
    difference = ranked["mean_auc"].iloc[0] - ranked["mean_auc"].iloc[1]
    assert float(compared.paired.mean.value[0]) == pytest.approx(difference)
    assert compared.paired.images == 72


def test_an_export_trains_the_folds_as_the_trial_did_and_then_the_model(
    searched: Path, tmp_path: Path
) -> None:
    store = open_store(url(searched))
    text = export_config(store, "small")
    said = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    assert "the mean over 3 networks, one for each fold of train and validation" in said
    assert "and then the model, on all images of train and validation" in said
    config = build_config(parse_value(text, "export"), "export")
    best = rank(store, "small").iloc[0]
    trial = store.known_trial(1, int(best["trial"]))
    assert config.folds == 3
    folder = shlex.split(said.partition("--trained-folds ")[2].partition("`")[0])[0]
    assert Path(folder) == Path(trial.folder)
    summary = train_run(config, tmp_path / "run", trained_folds=folder)
    assert summary.validation_mean_auc == trial.mean_auc
    found = load_predictions(str(tmp_path / "run"))
    assert found is not None
    assert found.fingerprint == trial.predictions_fingerprint
    # Trained again, the first fold is the trial's to the last digit.
    again = next(islice(train_trial(config, str(tmp_path / "again")), config.epochs - 1, None))
    assert again.mean_auc == store.epochs_of(1, trial.number)[config.epochs - 1].mean_auc


def test_an_export_of_a_search_without_folds_says_nothing_of_any(
    shared_table: Path, tmp_path: Path
) -> None:
    assert search(shared_table, tmp_path, name="one", trials=1, folds=None).finished
    text = export_config(open_store(url(tmp_path)), "one")
    assert "fold" not in text.replace("folds: null", "")
    assert build_config(parse_value(text, "export"), "export").folds is None


def test_a_search_of_other_folds_or_none_is_another_search(
    searched: Path, shared_table: Path
) -> None:
    for folds in (4, None):
        with pytest.raises(UserError, match=f"was started with folds = 3, not {folds}"):
            search(shared_table, searched, trials=4, folds=folds)


def test_trials_of_other_folds_are_not_compared(searched: Path, shared_table: Path) -> None:
    assert search(shared_table, searched, name="two", trials=1, folds=2).finished
    assert search(shared_table, searched, name="one", trials=1, folds=None).finished
    store = open_store(url(searched))
    with pytest.raises(UserError, match="they were validated on 3 folds and 2 folds"):
        compare(store, "small:0", "two:0")
    with pytest.raises(UserError, match="they were validated on 3 folds and one cut"):
        compare(store, "small:0", "one:0")


def killed_at(results: int) -> Any:
    """The training function of a trial, in a process that ends after so many results."""
    seen = 0

    def train(
        config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
    ) -> Iterator[EpochResult]:
        nonlocal seen
        for one in train_trial(config, folder, after_epoch, bounds):
            seen += 1
            if seen == results:
                raise Killed
            yield one

    return train


@pytest.mark.parametrize("scheduler", ["asha", pytest.param("promote", marks=pytest.mark.slow)])
def test_a_search_that_is_killed_within_a_fold_ends_as_one_that_is_not(
    scheduler: str, shared_table: Path, tmp_path: Path
) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    fields = {"trials": 3, "scheduler": scheduler}
    assert search(shared_table, tmp_path / "whole", **fields).finished
    for results in (4, 5):
        with pytest.raises(Killed):
            search(shared_table, tmp_path / "killed", train=killed_at(results), **fields)
    assert search(shared_table, tmp_path / "killed", **fields).finished
    whole, killed = (open_store(url(tmp_path / name)) for name in ("whole", "killed"))
    assert told(killed) == told(whole)
    assert any(row.state is TrialState.COMPLETE for row in whole.trials(1))


def test_leaders_are_confirmed_over_folds_and_tested_by_each_of_their_networks(
    searched: Path,
) -> None:
    where = Resources(backend="local", storage_path=str(searched / "runs"))
    done = run_confirmation("small", url(searched), where, top=1, seeds=1)
    assert isinstance(done, Confirmation)
    assert done.test_reads == 1
    store = open_store(url(searched))
    trials = {row.number: row for row in store.trials(store.experiment(done.name).id)}
    for one in done.confirmed:
        (number,) = one.trials
        of_networks = [load_predictions(f"{trials[number].folder}/fold-{fold}", "test")
                       for fold in (1, 2, 3)]  # fmt: skip
        aucs = [auc_within(f.targets, f.scores, None).mean for f in of_networks if f is not None]
        assert len(aucs) == 3
        assert one.test is not None
        assert one.test.mean_auc == pytest.approx(np.mean(aucs))
        assert one.validation.mean_auc == pytest.approx(trials[number].mean_auc)


def test_leaders_are_combined_by_the_networks_of_their_folds(
    searched: Path, shared_table: Path, tmp_path: Path
) -> None:
    found = run_combination("small", url(searched), tmp_path / "combined")
    store = open_store(url(searched))
    assert (found.kind == "single") == (len(found.members) == 1)
    header = read_header(tmp_path / "combined" / MODEL)
    assert header.members == tuple(
        f"trial-{one.trial:05d}-fold-{fold}" for one in found.members for fold in (1, 2, 3)
    )
    kept = load_predictions(str(tmp_path / "combined"))
    best = store.known_trial(1, found.members[0].trial)
    assert kept is not None
    assert kept.fingerprint == best.predictions_fingerprint
    assert found.members[0].mean_auc == best.mean_auc
    reached = auc_within(kept.targets, kept.scores, kept.numbered_folds).mean
    summary = read_summary(tmp_path / "combined")
    assert (summary.validation_mean_auc, summary.folds) == (reached, 3)
    assert reached == pytest.approx(found.members[-1].reached, abs=0.02)
    if found.validation is not None:
        assert found.validation.combined == reached
        assert found.validation.best == pytest.approx(best.mean_auc)
    # New images are scored by all networks, as the test split was.
    dataset = load_dataset(header.config.data)
    names = [shared_table.parent / name for name in dataset.splits["test"].names]
    maps = None if header.config.map_source == "none" else shared_table.parent
    if maps is None:
        logits = np.stack([one.logits for one in predict_images(found.folder, names, 8)])
        np.testing.assert_allclose(logits, read_test_scores(found.folder)[1], atol=1e-4)
    other = compare(store, str(found.folder), f"small:{best.number}" if found.members[1:] else
                    "small:baseline")  # fmt: skip
    assert other.paired.images == 72


def test_weights_of_networks_of_folds_are_not_averaged(searched: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`soup`: the networks of a trial over folds saw different"):
        run_combination("small", url(searched), tmp_path / "combined", soup=True)
    assert not (tmp_path / "combined").exists()


@pytest.mark.parametrize(
    ("scheduler", "stops"), [("asha", True), ("promote", True), ("none", False)]
)
def test_trials_stop_and_pause_at_epochs_of_the_first_fold_and_at_ends_of_folds(
    scheduler: str, stops: bool
) -> None:
    """Nine epochs in each of four folds: rungs at 2 and 6, and at 18, the end of the second."""
    space = FLAT.replace("epochs: 3", "epochs: 9")
    # Without a scheduler each trial has 36 epochs.
    trials = 30 if stops else 5
    settings = SearchSettings(
        trials=trials, scheduler=scheduler, folds=4, sampler="random", futility=False
    )

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
        for epoch in range(after_epoch + 1, config.total_epochs + 1):
            yield result(epoch, height(config))

    with history(space, settings) as run:
        run_local(run.driver, train)
        rows = run.store.trials(run.experiment.id)
    ended = {row.epochs for row in rows if row.state is TrialState.PRUNED}
    assert ended <= {2, 6, 18}
    assert bool(ended) == stops
    assert {row.epochs for row in rows if row.state is TrialState.COMPLETE} == {36}
    assert {row.target_epochs for row in rows} == {36}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"folds": 37}, "products.csv: `folds=37`: train and validation have 36 images with label"),
        ({"folds": 3, "grace_epochs": 6}, "has 6 epochs, 2 in each of 3 folds, so no trial"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    fields: dict[str, Any], said: str, shared_table: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        search(shared_table, tmp_path, trials=2, **fields)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["space.yaml"]


def test_one_fold_is_none() -> None:
    with pytest.raises(UserError, match="`folds`: '1' is not greater than or equal to 2"):
        build_settings(folds=1)
