"""Luck of the validation images that all trials with a value share is no effect of the value."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from results import find_importance
from results.axes.axis import make_axis
from results.axes.images import image_variances
from results.axes.model import estimate, make_design
from results.axes.words import assumptions
from results.database.store import Store
from sedn.config import build_config, config_hash
from sedn.metrics import auc, label_influences
from sedn.training.checkpoints.predictions import PREDICTIONS, save_predictions
from tests.results.rows import add_trial, new_experiment

LABELS = ("red", "striped", "mean AUC")


def trained(
    count: int, images: int, seed: int, gain: float = 0.0
) -> tuple[list[str], list[str], NDArray[Any], NDArray[Any]]:
    """Backbones, places, truth ``(images, labels)`` and scores ``(trials, images, labels)``.

    Labels are chance. Trials of one backbone see the same in an image, whatever else they are.
    With a ``gain`` those of one place know a little of the first label.
    """
    random = np.random.default_rng(seed)
    backbones = [str(one) for one in random.choice(["resnet18", "resnet34"], count)]
    places = [str(one) for one in random.choice(["none", "input", "stage1"], count)]
    truth = (random.random((images, 3)) < 0.3).astype(np.float32)
    seen = {name: random.normal(size=(images, 3)) for name in ("resnet18", "resnet34")}
    scores = np.stack([seen[name] for name in backbones])
    scores = scores + 0.5 * random.normal(size=scores.shape)
    for row, place in enumerate(places):
        scores[row, :, 0] += gain * (place == "stage1") * truth[:, 0]
    return backbones, places, truth, scores


def judged(count: int, images: int, seed: int, *, with_images: bool, gain: float = 0.0) -> Any:
    """The design, and the effects on the labels."""
    backbones, places, truth, scores = trained(count, images, seed, gain)
    made = [make_axis("backbone", backbones), make_axis("placement", places)]
    design = make_design([axis for axis in made if axis is not None])
    found = [label_influences(truth, one) for one in scores]
    aucs = np.stack([areas for areas, _ in found])
    influences = np.stack([influence for _, influence in found]) / images
    over_images = image_variances(design, range(count), influences) if with_images else None
    return design, estimate(design, aucs, over_images)


def test_shuffled_labels_show_nothing_where_trials_share_their_mistakes() -> None:
    wrong = {True: 0, False: 0}
    for seed in range(20):
        for with_images in (True, False):
            _, effects = judged(40, 120, seed, with_images=with_images)
            wrong[with_images] += bool(np.nanmin(effects.p) <= 0.05)
    assert wrong[False] >= 18, "the test would not notice"
    assert wrong[True] <= 3


def test_what_is_real_is_found_beside_the_luck_of_the_images() -> None:
    for seed in range(5):
        design, effects = judged(40, 300, seed, with_images=True, gain=1.0)
        found = {
            (design.axes[design.contrasts[row].axis].path, label)
            for row, label in np.argwhere(effects.p < 0.05)
        }
        assert ("placement", 0) in found
        assert not any(label for _, label in found)


def test_the_variance_over_images_is_that_of_other_images() -> None:
    """Held against what fresh images show of the same backbones."""
    differences, variances = [], []
    for seed in range(60):
        design, effects = judged(30, 100, seed, with_images=False)
        row = next(i for i, one in enumerate(design.contrasts) if one.against is not None)
        assert design.axes[design.contrasts[row].axis].path == "backbone"
        differences.append(effects.effect[row])
        backbones, _, truth, scores = trained(30, 100, seed)
        influences = np.stack([label_influences(truth, one)[1] for one in scores]) / 100
        variances.append(image_variances(design, range(len(backbones)), influences)[row])
    assert np.mean(variances) == pytest.approx(np.var(differences), rel=0.3)


@pytest.fixture
def kept(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An experiment whose trials kept their scores, of chance labels."""
    monkeypatch.chdir(tmp_path)
    experiment = new_experiment(store, "rows", LABELS)
    backbones, places, truth, scores = trained(40, 120, 0)
    split: Any = SimpleNamespace(
        names=tuple(f"{i}.png" for i in range(120)), truth=truth, groups=()
    )
    for number, (backbone, place) in enumerate(zip(backbones, places, strict=True)):
        fields = {
            "backbone": {"name": backbone},
            "embedding": {"placement": place},
            "optimizer": {"learning_rate": 1e-3 + 1e-5 * (number % 5)},
            "seed": number,
        }
        config = build_config({"epochs": 2, **fields}, "test")
        estimated = auc(truth, scores[number])
        errors = zip(estimated.labels, estimated.labels_stderr, strict=True)
        labels = dict(zip(LABELS, errors, strict=True))
        identity: Any = SimpleNamespace(
            configuration=config_hash(config), seed=number, data="f" * 16
        )
        logits, folder = scores[number].astype(np.float32), f"runs/{number}"
        kept = save_predictions(folder, "validation", split, LABELS, logits, identity)
        where = (f"{folder}/{PREDICTIONS}", kept.fingerprint)
        mean = estimated.mean
        add_trial(store, experiment, number, mean, labels=labels, predictions=where, **fields)
    return store


def test_the_scores_that_trials_keep_are_read(kept: Store) -> None:
    found = find_importance(kept, "rows")
    assert found.mean.read == found.labels.read == 40
    assert not found.axes["matters"].any()
    assert set(found.axes["label"]) == {None, *LABELS}
    assert "other images would show, the latter from the scores of 40" in assumptions(found)[-1]


def test_without_the_scores_the_answer_says_what_it_does_not_know(
    kept: Store, tmp_path: Path
) -> None:
    for number in range(40):
        (tmp_path / "runs" / str(number) / PREDICTIONS).unlink()
    found = find_importance(kept, "rows")
    assert found.mean.read == 0
    assert found.axes["matters"].any(), "the test would not notice"
    assert "on the same images, not other images" in assumptions(found)[-1]


def test_a_file_that_is_damaged_is_passed_over(kept: Store, tmp_path: Path) -> None:
    for number in (3, 5):
        (tmp_path / "runs" / str(number) / PREDICTIONS).write_bytes(b"PK")
    assert find_importance(kept, "rows").mean.read == 38
