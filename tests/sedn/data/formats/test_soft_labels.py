"""Labels between 0 and 1: told by evidence, kept for the loss, cut at one half for all else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sedn.config import DataConfig, build_config
from sedn.data import count_labels
from sedn.data.check import check_data
from sedn.data.dataset import cut
from sedn.data.formats import read_listing
from sedn.data.loading import load_dataset
from sedn.data.splits.cutting import assign_splits
from sedn.errors import Question, UserError
from sedn.run.finishing import read_test_scores
from sedn.run.train import train_run
from sedn.training.epochs import train_epochs

COUNT = 40
LABELS = ("red", "striped")
NAMES = [f"{i}.png" for i in range(COUNT)]


def write(folder: Path, columns: dict[str, list[Any]], name: str = "x.csv") -> Path:
    import pandas as pd

    for image in NAMES:
        (folder / image).touch()
    frame = pd.DataFrame({"image": NAMES, **columns})
    path = folder / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    return path


def shares(n: int, seed: int = 0) -> np.ndarray:
    """What a share of ``n`` annotators saw."""
    values = np.random.default_rng(seed).integers(0, n + 1, (COUNT, 2)) / n
    values[:4] = [[0, 1], [1, 0], [1 / n, 0], [0, 1 / n]]
    return values


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.jsonl"])
@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_shares_of_one_number_in_two_columns_are_labels(tmp_path: Path, n: int, name: str) -> None:
    truth = shares(n).round(2 if n == 3 else 8)
    hard = [i % 2 for i in range(COUNT)]
    columns = {
        "red": truth[:, 0],
        "cotton": hard,
        "striped": truth[:, 1],
        "confidence": truth[:, 0],
    }
    listing = read_listing(write(tmp_path, columns, name))
    assert listing.labels == ("red", "cotton", "striped")
    expected = np.stack([truth[:, 0], hard, truth[:, 1]], axis=1)
    assert np.allclose(listing.targets, expected, atol=1e-6)
    (said,) = [line for line in listing.notes if line.startswith("labels")]
    assert "with numbers between in 'red', 'striped': kept as they are for the loss; ½" in said


@pytest.mark.parametrize(
    "columns",
    [
        {"red": [0.2, 1, 0, 0.7] * 10, "cotton": [0, 1] * 20},
        {"red": np.linspace(0, 1, COUNT), "striped": np.linspace(1, 0, COUNT)},
        {"brilliance": np.linspace(0.1, 0.9, COUNT), "cotton": [0, 1] * 20},
        {"red": np.linspace(0, 1, COUNT)},
    ],
)
def test_what_may_be_measured_is_a_question_with_its_answers(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    path = write(tmp_path, columns)
    with pytest.raises(Question, match="may hold soft labels, or measurements between 0") as asked:
        read_listing(path)
    named, left_out = asked.value.answers
    listing = read_listing(path, named)
    assert listing.labels == tuple(columns)
    assert np.allclose(listing.targets, np.stack([*columns.values()], axis=1), atol=1e-6)
    if "cotton" in columns:
        assert read_listing(path, left_out).labels == ("cotton",)


def test_measurements_by_name_are_left_out_and_words_may_be_soft(tmp_path: Path) -> None:
    columns = {"brightness": np.linspace(0, 1, COUNT), "red": ["yes", "no", "maybe", "1"] * 10}
    path = write(tmp_path, columns)
    listing = read_listing(path, {"values": {"maybe": 0.5}})
    assert listing.labels == ("red",)
    assert listing.targets[:4, 0].tolist() == [1, 0, 0.5, 1]
    with pytest.raises(UserError, match=r"values"):
        read_listing(path, {"values": {"maybe": 1.5}})


def test_a_cell_that_is_no_number_beside_soft_labels_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path, {"red": [*np.linspace(0, 1, COUNT - 1), "1.2"], "cotton": [0, 1] * 20})
    with pytest.raises(UserError, match=r"row 41: label 'red' is '1\.2'; .*, a number between, or"):
        read_listing(path, {"labels": ["red"]})
    assert len(read_listing(path, {"labels": ["red"]}, skip=True)) == COUNT - 1


@pytest.mark.parametrize("form", [list, json.dumps, lambda row: " ".join(map(str, row))])
def test_a_number_for_each_label_in_one_cell(tmp_path: Path, form: Any) -> None:
    truth = shares(3).tolist()
    path = write(tmp_path, {"labels": [form(row) for row in truth]}, "x.parquet")
    with pytest.raises(Question, match=r"expected 2 names, got 0"):
        read_listing(path)
    listing = read_listing(path, {"labels": list(LABELS)})
    assert np.allclose(listing.targets, truth, atol=1e-6)
    assert any("a number from 0 to 1 for each of labels:, kept as" in s for s in listing.notes)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(*[st.sampled_from([0, 1, None])] * 2), min_size=COUNT, max_size=COUNT))
def test_soft_equals_hard_where_all_are_0_or_1(tmp_path: Path, rows: list[Any]) -> None:
    rows[:3] = [(0, 1), (1, 0), (0, 0)]
    hard = {label: [row[k] for row in rows] for k, label in enumerate(LABELS)}
    written = {label: ["" if v is None else f"{v}.00" for v in cells]
               for label, cells in hard.items()}  # fmt: skip
    listing = read_listing(write(tmp_path, hard), {"labels": list(LABELS)})
    soft = read_listing(write(tmp_path, written, "y.csv"), {"labels": list(LABELS)})
    assert np.array_equal(listing.targets, soft.targets, equal_nan=True)
    assert np.array_equal(cut(soft.targets), soft.targets, equal_nan=True)
    assert listing.notes == soft.notes
    assert assign_splits(listing, 0).tolist() == assign_splits(soft, 0).tolist()


@pytest.fixture
def soft_table(tmp_path: Path) -> Path:
    """Pictures of which a share of three annotators saw that they are red."""
    rows = ["image,red,bright,split"]
    random = np.random.default_rng(0)
    for i in range(90):
        red, bright = (i % 4) / 3, (i % 5 < 2) / 1
        pixels = random.integers(0, 60, (24, 24, 3), dtype=np.uint8)
        pixels[..., 0] += np.uint8(150 * red)
        pixels[..., 1] += np.uint8(90 * bright)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{red:.3f},{bright},{('train', 'train', 'val', 'test')[i // 4 % 4]}")
    path = tmp_path / "soft.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def config_of(table: Path, **data: Any) -> Any:
    return build_config(
        {
            "data": {"path": str(table), "image_size": 24, "labels": ["red", "bright"], **data},
            "backbone": {"name": "test_resnet", "pretrained": False},
            "loss": {"pos_weight": "inverse"},
            "epochs": 1,
        },
        "test",
    )


def test_the_loss_sees_shares_and_all_that_is_measured_a_yes_or_no(
    soft_table: Path, tmp_path: Path
) -> None:
    config = config_of(soft_table)
    dataset = load_dataset(config.data)
    train = dataset.splits["train"]
    assert np.allclose(np.unique(train.targets[:, 0]), [0, 1 / 3, 2 / 3, 1], atol=1e-3)
    assert set(np.unique(train.truth)) == {0, 1}
    positives, known = count_labels(dataset, "train")["red"]
    assert positives == (train.targets[:, 0] >= 0.5).sum()
    assert known == len(train)
    checked = check_data(config.data)
    assert checked.counts.splits["train"].positives[0] == positives
    assert checked.counts.splits["train"].negatives[0] == known - positives
    summary = train_run(config, tmp_path / "run")
    assert 0 <= summary.mean_auc <= 1
    targets, _ = read_test_scores(tmp_path / "run")
    assert np.array_equal(targets, dataset.splits["test"].truth)


def test_training_on_shares_differs_from_training_on_their_cut(
    soft_table: Path, tmp_path: Path
) -> None:
    losses = {}
    for name in ("soft", "cut"):
        if name == "cut":
            text = soft_table.read_text().replace(",0.333,", ",0,").replace(",0.667,", ",1,")
            soft_table.write_text(text)
        load_dataset.cache_clear()
        (epoch,) = train_epochs(config_of(soft_table), str(tmp_path / name))
        losses[name] = epoch.train_loss
    assert losses["soft"] != losses["cut"]


def test_splits_are_drawn_by_the_cut(tmp_path: Path) -> None:
    truth = shares(3)
    soft = read_listing(write(tmp_path, {"red": truth[:, 0], "striped": truth[:, 1]}))
    hard = read_listing(
        write(tmp_path, dict(zip(LABELS, cut(truth).T.astype(int).tolist(), strict=True)), "h.csv")
    )
    assert assign_splits(soft, 3).tolist() == assign_splits(hard, 3).tolist()
    assert cut(np.array([0.49, 0.5, np.nan, 1, 0], np.float32)).tolist()[:2] == [0, 1]


def test_rarer_labels_are_counted_by_the_cut(tmp_path: Path) -> None:
    columns = {"red": [1 / 3] * 38 + [1, 0], "striped": [2 / 3, 0] * 20}
    path = write(tmp_path, columns)
    assert read_listing(path, {"min_positives": 5}).labels == ("striped",)
    path = path.with_name("d.yaml")
    path.write_text(json.dumps({"table": "x.csv", "labels": ["red"]}))
    assert DataConfig(path=str(path)).labels is None
    assert (read_listing(path).targets < 0.5).sum() == 39
