"""The scores of a whole training: what is kept, that it is whole, and what its AUC is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sedn.data import Split, load_dataset
from sedn.errors import UserError
from sedn.metrics import auc
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.predictions import (
    PREDICTIONS,
    Predictions,
    load_predictions,
    save_predictions,
)
from sedn.training.checkpoints.storage import CHECKPOINT
from sedn.training.epochs import train_epochs
from tests.sedn.training.test_training import configure

IDENTITY = TrainingIdentity("0123456789abcdef", 7, "f" * 16, ("a", "b"), {"validation": 4})


def split(names: tuple[str, ...], groups: tuple[str, ...] = ()) -> Split:
    """A split whose pixels nobody reads: every second image has label a, of one b is not known."""
    targets = np.zeros((len(names), 2), dtype=np.float32)
    targets[::2, 0], targets[0, 1], targets[1, 1] = 1, np.nan, 0.75
    nothing = np.zeros((len(names), 1, 1, 3), dtype=np.uint8)
    known = np.zeros(len(names), dtype=bool)
    return Split(nothing, nothing, known, targets, names, groups)


def keep(folder: str, of: Split, labels: tuple[str, ...] = ("a", "b")) -> Predictions:
    scores = np.random.default_rng(3).normal(size=of.targets.shape).astype(np.float32)
    return save_predictions(folder, "validation", of, labels, scores, IDENTITY)


def kept(folder: str) -> Predictions:
    found = load_predictions(folder)
    assert found is not None
    return found


@pytest.mark.parametrize("uri", ["", "file://"])
@pytest.mark.parametrize(
    "names",
    [
        ("1.png", "2.png", "3.png"),
        ("é/ü 1.png", "日本.png", "a,\n\"'.png"),
        ("byte-\udcff.png", "nul-less", " "),
    ],
)
def test_what_is_read_is_what_was_written(tmp_path: Path, uri: str, names: tuple[str, ...]) -> None:
    folder = f"{uri}{tmp_path}/trial"
    written = keep(folder, split(names, ("p1", "", "p1")))
    found = kept(folder)
    assert (found.images, found.labels, found.groups) == (names, ("a", "b"), ("p1", "", "p1"))
    assert found.scores.dtype == np.float32
    assert np.array_equal(found.scores, written.scores)
    assert np.array_equal(found.targets, [[1, np.nan], [0, 1], [1, 0]], equal_nan=True)
    assert (found.configuration, found.seed, found.data) == ("0123456789abcdef", 7, "f" * 16)
    assert found.fingerprint == written.fingerprint
    assert found.numbered_groups is not None
    assert found.numbered_groups.tolist() == [0, 1, 0]
    assert load_predictions(f"{uri}{tmp_path}/nothing") is None


def test_the_fingerprint_is_that_of_images_labels_and_truth_in_their_order(tmp_path: Path) -> None:
    names = ("1.png", "2.png", "3.png")
    same = keep(str(tmp_path), split(names, ("p", "q", "r"))).fingerprint
    assert same == keep(str(tmp_path / "b"), split(names)).fingerprint
    other = split(names)
    flipped = replace(other, targets=1 - other.targets)
    others = {
        same,
        keep(str(tmp_path), split(names[::-1])).fingerprint,
        keep(str(tmp_path), other, ("b", "a")).fingerprint,
        keep(str(tmp_path), flipped).fingerprint,
        save_predictions(
            str(tmp_path), "test", other, ("a", "b"), np.zeros((3, 2), np.float32), IDENTITY
        ).fingerprint,
    }
    assert len(others) == 5


def test_scores_that_half_precision_would_tie_are_kept_apart(tmp_path: Path) -> None:
    of = split(("1", "2", "3"))
    scores = np.array([[5.0, 1], [np.nextafter(np.float32(5), 6), 2], [5.0001, 3]], np.float32)
    save_predictions(str(tmp_path), "validation", of, ("a", "b"), scores, IDENTITY)
    assert np.array_equal(kept(str(tmp_path)).scores, scores)
    assert len(set(scores[:, 0].astype(np.float16))) == 1


def test_damaged_bytes_are_told_in_a_line(tmp_path: Path) -> None:
    folder = str(tmp_path)
    scores = keep(folder, split(tuple(map(str, range(40))))).scores
    whole = read(folder, PREDICTIONS)
    assert whole is not None
    random = np.random.default_rng(0)
    for place in [0, len(whole) - 1, *random.integers(0, len(whole), 150)]:
        for damaged in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :],
        ):
            write(folder, PREDICTIONS, damaged)
            try:
                found = kept(folder)
            except UserError as error:
                assert f"{PREDICTIONS}: the file is damaged" in str(error)
            else:
                # A byte that no content depends on, such as a date of the archive.
                assert np.array_equal(found.scores, scores)


def test_a_later_format_is_told_apart_from_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sedn.training.checkpoints.predictions._FORMATS", (3, 4))
    keep(str(tmp_path), split(("1", "2")))
    monkeypatch.undo()
    with pytest.raises(UserError, match="format 3, this one reads 2"):
        load_predictions(str(tmp_path))


def test_the_mean_auc_of_a_training_is_that_of_its_scores_to_the_last_digit(
    table: Path, tmp_path: Path
) -> None:
    config = configure(table)
    results = list(train_epochs(config, str(tmp_path / "run")))
    assert [result.predictions is None for result in results] == [True, True, False]
    found = kept(str(tmp_path / "run"))
    estimate = auc(found.targets, found.scores)
    assert estimate.mean == results[-1].mean_auc
    assert estimate.mean_stderr == results[-1].mean_auc_stderr
    assert dict(zip(found.labels, estimate.labels, strict=True)) == results[-1].label_auc
    assert results[-1].predictions == found.fingerprint
    assert found.images == load_dataset(config.data).splits["validation"].names
    assert found.seed == config.seed


def test_no_scores_are_written_before_the_last_epoch(table: Path, tmp_path: Path) -> None:
    training = train_epochs(configure(table), str(tmp_path))
    for epoch in (1, 2, 3):
        assert next(training).epoch == epoch
        assert (tmp_path / PREDICTIONS).exists() == (epoch == 3)


def test_a_training_killed_between_scores_and_checkpoint_keeps_those_of_its_result(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = configure(table, epochs=2), str(tmp_path)
    next(train_epochs(config, folder))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sedn.training.epochs.save_training", killed)
        with pytest.raises(KeyboardInterrupt):
            list(train_epochs(config, folder))
    assert (tmp_path / PREDICTIONS).exists()
    (tmp_path / PREDICTIONS).write_bytes(b"of the epoch that was lost")
    (result,) = train_epochs(config, folder, 1)
    assert auc(kept(folder).targets, kept(folder).scores).mean == result.mean_auc
    # What a later start reads from the checkpoint names the scores too.
    (again,) = train_epochs(config, folder, 1)
    assert again == result


def test_scores_outlive_the_checkpoint(table: Path, tmp_path: Path) -> None:
    (result,) = train_epochs(configure(table, epochs=1), str(tmp_path))
    (tmp_path / CHECKPOINT).unlink()
    assert kept(str(tmp_path)).fingerprint == result.predictions


def test_images_of_a_group_are_known_to_be_so(table: Path, tmp_path: Path) -> None:
    _, *rows = table.read_text().splitlines()
    grouped = [f"{row},{'' if number % 9 == 0 else number // 6}" for number, row in enumerate(rows)]
    text = "\n".join(f"{row.rsplit(',', 2)[0]},{row.rsplit(',', 1)[1]}" for row in grouped)
    table.write_text(f"image,map,red,bright,patient_id\n{text}\n")
    config = configure(table, epochs=1)
    list(train_epochs(config, str(tmp_path / "run")))
    found = kept(str(tmp_path / "run"))
    expected = {row.split(",")[0]: row.rsplit(",", 1)[1] for row in grouped}
    assert found.groups == tuple(expected[image] for image in found.images)
    numbers = found.numbered_groups
    assert numbers is not None
    assert 1 < len(set(numbers)) < len(numbers)
