"""What a finished run says of its probabilities and thresholds, and the page that shows them."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import precision_recall_fscore_support

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.run.finishing import read_test_scores
from sedn.run.model_file import read_header
from sedn.run.summary import read_summary
from sedn.run.train import train_run


def configure(table: Path) -> TrainingConfig:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "optimizer": {"learning_rate": 3e-3},
        "epochs": 2,
        "batch_size": 16,
    }
    return build_config(fields, "test")


def test_temperature_and_thresholds_are_of_validation_and_scores_of_test(
    table: Path, tmp_path: Path
) -> None:
    config = configure(table)
    summary = train_run(config, tmp_path / "run")
    assert summary == read_summary(tmp_path / "run")
    header = read_header(tmp_path / "run" / "model.safetensors")
    assert header.calibration.temperature == summary.temperature
    targets, logits = read_test_scores(tmp_path / "run")
    sure = expit(logits.astype(float) / summary.temperature)
    for i, label in enumerate(header.labels):
        score = summary.label_scores[label]
        assert score.threshold == header.calibration.thresholds[i]
        expected = precision_recall_fscore_support(
            targets[:, i], sure[:, i] >= score.threshold, average="binary", zero_division=np.nan
        )
        found = [score.precision, score.recall, score.f1]
        assert [np.nan if value is None else value for value in found] == pytest.approx(
            expected[:3], nan_ok=True
        )
        assert score.known == len(load_dataset(config.data).splits["test"])
    assert summary.undecided_labels == []
    assert 0 <= summary.calibration_error_scaled <= 1


def test_a_label_without_positives_on_validation_has_one_half_and_is_named(
    table: Path, tmp_path: Path
) -> None:
    rows = table.read_text().splitlines()
    # In validation no image is bright, and of some it is unknown whether they are red.
    for number, row in enumerate(rows):
        image, region, red, _, split = row.split(",")
        if split == "validation":
            rows[number] = f"{image},{region},{red if number % 20 else ''},0,{split}"
    table.write_text("\n".join(rows) + "\n")
    summary = train_run(configure(table), tmp_path / "run")
    assert summary.undecided_labels == ["bright"]
    assert summary.label_scores["bright"].threshold == 0.5


def test_the_page_of_reliability_stands_alone(table: Path, tmp_path: Path) -> None:
    summary = train_run(configure(table), tmp_path / "run")
    page = (tmp_path / "run" / "reliability.html").read_text()
    assert f"{summary.temperature:.3f}" in page
    assert f"{summary.calibration_error:.1%}" in page
    assert f"{summary.calibration_error_scaled:.1%}" in page
    assert "figure-reliability" in page
    # Plotly's code itself names addresses; nothing is loaded from one.
    assert "<script src" not in page
    targets, _ = read_test_scores(tmp_path / "run")
    counted = page.split("<tbody>")[1].replace("</tr>", "\n").splitlines()
    cells = [row.split("<td")[2].split(">")[1].split("<")[0] for row in counted if "<td" in row]
    assert sum(int(cell) for cell in cells) == targets.size


def test_a_summary_of_an_older_version_is_refused_in_one_line(table: Path, tmp_path: Path) -> None:
    train_run(configure(table), tmp_path / "run")
    path = tmp_path / "run" / "summary.json"
    fields = json.loads(path.read_text())
    del fields["label_scores"]
    path.write_text(json.dumps(fields))
    with pytest.raises(UserError, match="no summary of this version of `sedn train`") as caught:
        read_summary(tmp_path / "run")
    assert "\n" not in str(caught.value)
    path.write_text("[")
    with pytest.raises(UserError, match=r"summary.json: cannot be read"):
        read_summary(tmp_path / "run")
