"""What each image does to a training's mean AUC: kept whole, and the error follows from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sedn.errors import UserError
from sedn.metrics import auc
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.influence import (
    INFLUENCE,
    Influence,
    influence_of,
    load_influence,
    save_influence,
)
from sedn.training.checkpoints.predictions import Predictions, load_predictions
from sedn.training.epochs import train_epochs
from tests.sedn.metrics.cases import dependent_labels
from tests.sedn.training.test_training import configure


def predictions(groups: tuple[str, ...] = ()) -> Predictions:
    targets, scores = dependent_labels(60, 3)
    names = tuple(f"{number}.png" for number in range(60))
    of = "0123456789abcdef", 7, "f" * 16
    scored = scores.astype(np.float32), targets.astype(np.float32)
    labels = tuple(f"label {number}" for number in range(targets.shape[1]))
    return Predictions("validation", names, labels, *scored, groups, *of)


@pytest.mark.parametrize("uri", ["", "file://"])
def test_what_is_read_is_what_was_written(tmp_path: Path, uri: str) -> None:
    written = influence_of(predictions())
    folder = f"{uri}{tmp_path}/trial"
    assert load_influence(folder) is None
    save_influence(folder, written)
    found = load_influence(folder)
    assert found is not None
    assert np.array_equal(found.values, written.values)
    assert replace(found, values=written.values) == written
    assert (found.images, found.configuration, found.seed) == (60, "0123456789abcdef", 7)


def test_the_error_of_the_mean_follows_from_it() -> None:
    of = predictions()
    error = np.sqrt(np.square(influence_of(of).values, dtype=np.float64).sum())
    assert error == pytest.approx(auc(of.targets, of.scores).mean_stderr, rel=1e-6)


def test_images_of_a_group_count_as_one_draw() -> None:
    """Sixty images that are thirty, each twice, say no more than the thirty."""
    once = predictions()
    half = replace(
        once, images=once.images[:30], scores=once.scores[:30], targets=once.targets[:30]
    )
    twice = replace(
        once,
        scores=np.concatenate([half.scores, half.scores]),
        targets=np.concatenate([half.targets, half.targets]),
        groups=half.images + half.images,
    )
    alone, doubled = influence_of(half).values, influence_of(twice).values
    assert doubled.shape == (30,)
    # But for the correction of the variance, which goes by the number of images.
    np.testing.assert_allclose(doubled, alone, rtol=0.35)
    assert np.linalg.norm(doubled) == pytest.approx(np.linalg.norm(alone), rel=0.1)
    assert np.linalg.norm(influence_of(replace(twice, groups=())).values) < np.linalg.norm(doubled)


def test_a_training_leaves_that_of_its_last_epoch(shared_table: Path, tmp_path: Path) -> None:
    last = [*train_epochs(configure(shared_table, epochs=2), str(tmp_path))][-1]
    scores, found = load_predictions(str(tmp_path)), load_influence(str(tmp_path))
    assert scores is not None
    assert found is not None
    assert np.array_equal(found.values, influence_of(scores).values)
    assert found.fingerprint == scores.fingerprint == last.predictions
    assert np.linalg.norm(found.values) == pytest.approx(last.mean_auc_stderr, rel=1e-5)


def test_damage_and_later_formats_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path)
    kept: Influence = influence_of(predictions())
    save_influence(folder, kept)
    whole = read(folder, INFLUENCE)
    assert whole is not None
    for place in np.random.default_rng(0).integers(0, len(whole), 150):
        for damaged in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :],
        ):
            write(folder, INFLUENCE, damaged)
            try:
                found = load_influence(folder)
            except UserError as error:
                assert f"{INFLUENCE}: the file is damaged" in str(error)
            else:
                # A byte that no content depends on, such as a date of the archive.
                assert found is not None
                assert np.array_equal(found.values, kept.values)
    monkeypatch.setattr("sedn.training.checkpoints.influence._FORMAT", 2)
    save_influence(folder, kept)
    monkeypatch.undo()
    with pytest.raises(UserError, match="another version of sedn-search"):
        load_influence(folder)
