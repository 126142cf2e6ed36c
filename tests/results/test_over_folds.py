"""Scores of different networks are not on one scale, and nothing that is told of folds asks it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from results import compare, find_importance, open_store, rank
from results.confirmation import score_candidates
from results.database.store import Store
from results.largest_errors import find_largest_errors
from results.parquet import write_frames
from results.predictions import Predictions, read_predictions
from sedn.metrics import auc, auc_within
from tests.results.rows import new_experiment
from tests.results.scored import add_baseline, add_scored, label_names, split_of

Array = NDArray[np.floating]
IMAGES, LABELS, FOLDS, TRIALS = 240, 3, 4, 30
FOLD = np.arange(IMAGES) % FOLDS
PLACES = ("none", "input", "stage1")


def draw() -> tuple[Array, list[tuple[dict[str, Any], Array]]]:
    """The truth ``(images, labels)``, and the configuration and scores of trials. One placement
    helps the first label, and nothing helps the others.
    """
    random = np.random.default_rng(0)
    targets = (random.random((IMAGES, LABELS)) < 0.3) * 1.0
    hard = random.normal(size=(IMAGES, LABELS))
    trials: list[tuple[dict[str, Any], Array]] = []
    for number in range(TRIALS):
        place = PLACES[number % 3]
        knows = np.array([1.0 + 1.5 * (place == "stage1"), 1.0, 1.0])
        scores = hard + 0.5 * random.normal(size=targets.shape) + knows * targets
        rate = {"learning_rate": 1e-3 + 1e-5 * number}
        fields = {"embedding": {"placement": place}, "optimizer": rate, "seed": number // 6}
        # Multiples of this are exact on any of the scales below.
        trials.append((fields, np.round(scores * 256) / 256))
    return targets, trials


def rescale(scores: Array) -> Array:
    """The scores of networks of which each fold's has a scale of its own; no order within a fold
    is another.
    """
    return np.asarray(scores * 2.0 ** FOLD[:, None] + 64 * FOLD[:, None])


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same search twice: "alike", and "apart", whose folds' networks have different scales."""
    folder = tmp_path_factory.mktemp("searched")
    store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
    targets, trials = draw()
    for name, scaled in (("alike", np.asarray), ("apart", rescale)):
        number = new_experiment(store, name, label_names(LABELS), folds=FOLDS)
        of_image = tuple(FOLD.tolist())
        split = split_of(targets)
        for row, (fields, scores) in enumerate(trials):
            add = add_baseline if row == 0 else add_scored
            more = {} if row == 0 else {"number": row, **fields}
            add(
                store, number, split=split, scores=scaled(scores), storage=folder,
                folds=of_image, **more,
            )  # fmt: skip
    return store


def scored(store: Store, name: str, number: int) -> Predictions:
    return read_predictions(store.known_trial(store.experiment(name).id, number))


def ranked(store: Store, name: str) -> pd.DataFrame:
    return rank(store, name).drop(columns="predictions", errors="ignore")


def compared(store: Store, name: str) -> pd.DataFrame:
    return compare(store, f"{name}:2", f"{name}:1").frame()


def confirmed(store: Store, name: str) -> pd.DataFrame:
    titles = {"baseline": [0], "one": [2, 8], "other": [4, 10]}
    networks = {t: [[scored(store, name, n)] for n in own] for t, own in titles.items()}
    return pd.DataFrame([vars(score) for score in score_candidates(networks).values()])


def of_label_errors(store: Store, name: str) -> pd.DataFrame:
    found = find_largest_errors(scored(store, name, 2), LABELS, 4)
    return pd.DataFrame([(one.label, one.auc) for one in found])


READERS: dict[str, Callable[[Store, str], pd.DataFrame]] = {
    "rank": ranked,
    "compare": compared,
    "importance": lambda store, name: find_importance(store, name).axes,
    "effects": lambda store, name: find_importance(store, name).values,
    "confirm": confirmed,
    "largest errors": of_label_errors,
}


def test_the_scales_are_apart_enough_to_be_noticed(searched: Store) -> None:
    alike, apart = (scored(searched, name, 2) for name in ("alike", "apart"))
    assert abs(auc(alike.targets, alike.scores).mean - auc(apart.targets, apart.scores).mean) > 0.02


@pytest.mark.parametrize("reader", READERS)
def test_what_is_told_does_not_depend_on_the_scale_of_the_network_of_a_fold(
    reader: str, searched: Store
) -> None:
    alike, apart = (READERS[reader](searched, name) for name in ("alike", "apart"))
    assert len(alike)
    pd.testing.assert_frame_equal(alike, apart, rtol=1e-6)


def test_a_placement_that_helps_one_label_is_found_over_folds(searched: Store) -> None:
    found = find_importance(searched, "apart")
    assert found.mean.read == found.labels.read == TRIALS
    axes = found.axes
    matter = axes[axes["matters"] & axes["label"].notna()]
    assert list(zip(matter["label"], matter["axis"], matter["best"], strict=True)) == [
        ("label 0", "embedding.placement", "stage1")
    ]


def test_labels_by_chance_show_nothing_over_folds(store: Store, tmp_path: Path) -> None:
    """Though trials of one placement err alike, which on these images looks like an effect."""
    random = np.random.default_rng(1)
    targets = (random.random((IMAGES, LABELS)) < 0.3) * 1.0
    seen = {place: random.normal(size=targets.shape) for place in PLACES}
    number = new_experiment(store, "noise", label_names(LABELS))
    split, folds = split_of(targets), tuple(FOLD.tolist())
    _, trials = draw()
    for row, (fields, _) in enumerate(trials):
        own = seen[fields["embedding"]["placement"]] + 0.4 * random.normal(size=targets.shape)
        add_scored(
            store, number, row, split, rescale(np.round(own * 256) / 256), tmp_path,
            folds=folds, **fields,
        )  # fmt: skip
    found = find_importance(store, "noise")
    assert found.mean.read == found.labels.read == TRIALS
    assert not found.axes["matters"].any()


def test_frames_tell_the_fold_of_each_image(searched: Store, tmp_path: Path) -> None:
    write_frames(searched, "apart", tmp_path / "frames")
    scores = pd.read_parquet(tmp_path / "frames" / "predictions.parquet")
    targets = pd.read_parquet(tmp_path / "frames" / "targets.parquet")
    assert list(targets["fold"]) == (FOLD + 1).tolist()
    for trial in searched.trials(searched.experiment("apart").id):
        own = scores[scores["trial"] == trial.number]
        assert list(own["image"]) == list(targets["image"])
        assert list(own["fold"]) == list(targets["fold"])
        logits = own[[f"score.{label}" for label in label_names(LABELS)]].to_numpy()
        truth = targets[[f"target.{label}" for label in label_names(LABELS)]].to_numpy()
        # What a program makes of the files is the value of the trial.
        assert auc_within(truth, logits, own["fold"].to_numpy()).mean == trial.mean_auc
