"""A training goes on, and is read, only with the data that it began with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sedn.config import TrainingConfig, build_config, config_hash
from sedn.data.loading import load_dataset, prepare_dataset
from sedn.errors import UserError
from sedn.run.train import train_run
from sedn.training.result import EpochResult
from tests.conftest import write_table


def configure(table: Path) -> TrainingConfig:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 2,
        "batch_size": 16,
    }
    return build_config(fields, "test")


class Interrupted(Exception):
    """Ends a training after an epoch."""


def interrupt(result: EpochResult) -> None:
    raise Interrupted


def add_rows(table: Path) -> None:
    lines = table.read_text().splitlines()
    for index in range(10):
        Image.new("RGB", (40, 40), (index, 0, 0)).save(table.parent / f"new-{index}.png")
        lines.append(f"new-{index}.png,,1,0,train")
    table.write_text("\n".join(lines) + "\n")


def reorder_labels(table: Path) -> None:
    rows = [line.split(",") for line in table.read_text().splitlines()]
    swapped = [
        ",".join([image, area, second, first, split]) for image, area, first, second, split in rows
    ]
    table.write_text("\n".join(swapped) + "\n")


def rename_label(table: Path) -> None:
    table.write_text(table.read_text().replace("bright", "light", 1))


def move_image_to_test(table: Path) -> None:
    # As many images in each split as before.
    text = table.read_text()
    first, last = text.splitlines()[1], text.splitlines()[5]
    assert first.endswith("train") and last.endswith("test")
    moved = text.replace(first, first.replace("train", "test"))
    table.write_text(moved.replace(last, last.replace("test", "train")))


def repaint(table: Path) -> None:
    Image.new("RGB", (40, 40), (1, 2, 3)).save(table.parent / "0.png")


CHANGES = [
    (add_rows, r"it had 54 train, 18 validation and 18 test images and has now "),
    (reorder_labels, r"its labels were red, bright and are now bright, red"),
    (rename_label, r"its labels were red, bright and are now red, light"),
    (move_image_to_test, r"its images, maps, labels or splits are others now"),
    (repaint, r"its images, maps, labels or splits are others now"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_an_interrupted_training_does_not_go_on_with_changed_data(
    table: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    with pytest.raises(Interrupted):
        train_run(configure(table), tmp_path / "run", interrupt)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    change(table)
    with pytest.raises(UserError, match=message):
        train_run(configure(table), tmp_path / "run")
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_finished_run_of_other_data_is_not_given_for_one_of_the_changed_data(
    table: Path, tmp_path: Path
) -> None:
    summary = train_run(configure(table), tmp_path / "run")
    assert train_run(configure(table), tmp_path / "run") == summary
    reorder_labels(table)
    with pytest.raises(UserError, match=r"holds a finished run, and .* has changed since"):
        train_run(configure(table), tmp_path / "run")
    table.unlink()
    assert train_run(configure(table), tmp_path / "run") == summary


@pytest.mark.parametrize("change", [change for change, _ in CHANGES])
def test_a_configuration_of_a_trial_is_not_trained_on_changed_data(
    table: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    config = configure(table)
    meant = of_data(config, load_dataset(config.data).fingerprint)
    change(table)
    message = r"are others than those of data.fingerprint .*; undo the change, or leave out"
    with pytest.raises(UserError, match=message):
        train_run(meant, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_training_reads_data_that_changed_since_the_last_one_of_the_process(
    table: Path, tmp_path: Path
) -> None:
    first = train_run(configure(table), tmp_path / "first")
    repaint(table)
    move_image_to_test(table)
    second = train_run(configure(table), tmp_path / "second")
    assert second.data_fingerprint != first.data_fingerprint
    assert second.data_fingerprint == prepare_dataset(configure(table).data).fingerprint


def test_a_relative_path_is_read_from_the_folder_of_the_moment(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = write_table(tmp_path / "other")
    move_image_to_test(other)
    fingerprints = []
    for place in (table.parent, other.parent):
        monkeypatch.chdir(place)
        config = configure(Path(table.name))
        fingerprints.append(train_run(config, tmp_path / f"run-{place.name}").data_fingerprint)
    assert fingerprints[0] != fingerprints[1]


def test_a_run_goes_on_whether_its_configuration_names_its_data_or_not(
    table: Path, tmp_path: Path
) -> None:
    config = configure(table)
    meant = of_data(config, load_dataset(config.data).fingerprint)
    summary = train_run(config, tmp_path / "run")
    assert train_run(meant, tmp_path / "run") == summary
    assert config_hash(meant) == config_hash(config)


def of_data(config: TrainingConfig, fingerprint: str) -> TrainingConfig:
    return config.model_copy(update={"data": config.data.of_fingerprint(fingerprint)})
