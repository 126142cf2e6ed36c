"""`sedn predict` as a user meets it, in a process of its own where that matters."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from search.cli.commands.predict import short_lines
from search.cli.main import app
from sedn.config import build_config
from sedn.errors import UserError
from sedn.prediction.images import find_images
from sedn.prediction.predict import predict_images
from sedn.run.finishing import read_test_scores
from sedn.run.summary import read_summary
from sedn.run.train import train_run
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.segmenter import train_segmenter


def predict(*words: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """In a fresh process."""
    return subprocess.run(
        [sys.executable, "-m", "search.cli.main", "predict", *words],
        cwd=folder,
        # An empty cache: a run needs none of what training left there.
        env=os.environ | {"COLUMNS": "200", "SEDN_CACHE": str(folder / "cache")},
        input=stdin,
        capture_output=True,
        timeout=120,
    )


def quick(*words: str) -> Result:
    """In this process, which has imported torch already; there is nothing on stdin."""
    return CliRunner().invoke(app, ["predict", *words])


def wrong(*words: str) -> str:
    """What is said; the program prints it and exits with code 2."""
    result = quick(*words)
    assert isinstance(result.exception, UserError), result.output
    assert result.stdout == ""
    return str(result.exception)


def train(table: Path, folder: Path, placement: str = "none", **semantic_map: str) -> np.ndarray:
    """Train a run; its probabilities of the test images."""
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": placement},
        "semantic_map": semantic_map,
        "epochs": 1,
        "batch_size": 16,
    }
    summary = train_run(build_config(fields, "test"), folder)
    return 1 / (1 + np.exp(-read_test_scores(folder)[1] / summary.temperature))


@pytest.fixture
def images(table: Path, tmp_path: Path) -> Path:
    """The test images in a folder of their own, named in their order."""
    folder = tmp_path / "images"
    for number, index in enumerate(range(4, 90, 5)):
        path = folder / ("early" if number < 9 else "late") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(table.parent / f"{index}.png", path)
    return folder


def read_csv(text: str) -> tuple[list[str], list[str], np.ndarray]:
    header, *rows = csv.reader(io.StringIO(text))
    scores = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return header, [row[0] for row in rows], scores


def test_a_run_and_images_are_all_that_is_needed(table: Path, images: Path, tmp_path: Path) -> None:
    segmenter = SegmenterConfig(
        architecture="fpn", encoder="test_resnet", pretrained=False, epochs=1, batch_size=8
    )
    config = build_config({"data": {"path": str(table), "image_size": 32}}, "test")
    train_segmenter(config.data, segmenter, tmp_path / "segmenter")
    expected = train(
        table, tmp_path / "run", "input", source="predicted", segmenter=str(tmp_path / "segmenter")
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for kept in (tmp_path / "run", images):
        kept.rename(elsewhere / kept.name)
    shutil.rmtree(tmp_path / "segmenter")
    table.unlink()
    done = predict("run", "images", "--batch-size=8", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    header, names, scores = read_csv(done.stdout.decode())
    assert header == ["image", "red", "bright"]
    assert names == sorted(names)
    assert names[0] == "images/early/00.png"
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert not (elsewhere / "cache").exists()


@pytest.mark.slow
def test_paths_on_stdin_as_json(table: Path, images: Path, tmp_path: Path) -> None:
    expected = train(table, tmp_path / "run")
    odd = os.fsdecode(b"images/b\xffd, ame.png")
    shutil.copy(images / "early" / "00.png", tmp_path / odd)
    paths = b"images/late/17.png\n\nimages/b\xffd, ame.png\n"
    done = predict("run", "--json", folder=tmp_path, stdin=paths)
    assert done.returncode == 0, done.stderr
    last, first = (json.loads(line) for line in done.stdout.splitlines())
    assert (last["image"], first["image"]) == ("images/late/17.png", odd)
    assert list(last["probabilities"].values()) == pytest.approx(expected[17], abs=1e-5)
    assert list(first["probabilities"].values()) == pytest.approx(expected[0], abs=1e-5)


def thresholds(run: Path) -> np.ndarray:
    return np.array([score.threshold for score in read_summary(run).label_scores.values()])


def test_what_is_present_is_told_and_comes_first(table: Path, images: Path, tmp_path: Path) -> None:
    expected = train(table, tmp_path / "run")
    reached = expected >= thresholds(tmp_path / "run")
    assert 0 < reached.sum() < reached.size, "some labels are present, not all"
    lines = quick(str(tmp_path / "run"), str(images), "--json").stdout.splitlines()
    for line, present in zip(lines, reached, strict=True):
        labels = [label for label, is_in in zip(("red", "bright"), present, strict=True) if is_in]
        assert json.loads(line)["present"] == labels
    predictions = predict_images(tmp_path / "run", find_images([images]))
    short = list(short_lines(predictions, None))
    for line, present, sure in zip(short, reached, expected, strict=True):
        words = line.split("  ")[1].split(" · ")
        assert sum(word.startswith("✓ ") for word in words) == present.sum()
        order = sorted((0, 1), key=lambda i: (not present[i], -sure[i]))
        assert [word.removeprefix("✓ ").split()[0] for word in words] == [
            ("red", "bright")[i] for i in order
        ]


def test_the_most_probable_labels_alone(table: Path, images: Path, tmp_path: Path) -> None:
    expected = train(table, tmp_path / "run")
    header, *rows = quick(str(tmp_path / "run"), str(images), "--top=1").stdout.splitlines()
    assert header == "image,label,probability"
    labels = [row.split(",")[1] for row in rows]
    assert labels == [("red", "bright")[index] for index in expected.argmax(1)]
    scores = [float(row.split(",")[2]) for row in rows]
    assert scores == pytest.approx(expected.max(1), abs=1e-4)
    lines = quick(str(tmp_path / "run"), str(images), "--top=2", "--json").stdout.splitlines()
    for line in lines:
        first, second = json.loads(line)["probabilities"].values()
        assert first >= second


@pytest.mark.slow
def test_unreadable_images(table: Path, images: Path, tmp_path: Path) -> None:
    train(table, tmp_path / "run")
    (images / "early" / "05.png").write_bytes(b"")
    done = predict("run", "images", folder=tmp_path)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1 + 5, "what was printed before stays"
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("sedn: images/early/05.png: cannot be decoded as an image")
    words = (str(tmp_path / "run"), str(images), "-o", str(tmp_path / "scores.csv"))
    assert "05.png: cannot be decoded" in wrong(*words)
    assert [path for path in tmp_path.iterdir() if path.suffix in (".csv", ".part")] == [table]
    kept = quick(*words, "--skip-unreadable")
    assert kept.exit_code == 0
    assert kept.stdout == ""
    assert "05.png: cannot be decoded" in kept.stderr
    assert "1 image could not be read, and left out" in kept.stderr
    names = read_csv((tmp_path / "scores.csv").read_text())[1]
    assert len(names) == 17
    assert str(images / "early" / "05.png") not in names


def test_masks_are_asked_for_and_missing_ones_counted(
    table: Path, images: Path, tmp_path: Path
) -> None:
    expected = train(table, tmp_path / "given", "mask-image")
    masks = tmp_path / "masks"
    masks.mkdir()
    for number in range(18):
        shutil.copy(table.parent / "0-map.png", masks / f"{number:02}.png")
    done = quick(str(tmp_path / "given"), str(images), f"--maps={masks}")
    np.testing.assert_allclose(read_csv(done.stdout)[2], expected, atol=1e-4)
    assert "sees given maps" in wrong(str(tmp_path / "given"), str(images))
    bare = table.with_name("bare.csv")
    bare.write_text(table.read_text().replace("0-map.png", "", 1))
    train(bare, tmp_path / "told", "mask-image")
    (masks / "03.png").unlink()
    done = quick(str(tmp_path / "told"), str(images), f"--maps={masks}")
    assert done.exit_code == 0
    assert "1 of 18 images have no mask; the network scored them without a map." in done.stderr


def test_wrong_input(table: Path, images: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(table, run)
    (tmp_path / "empty").mkdir()
    assert "imagse: no such file or folder" in wrong(str(run), "imagse")
    assert "rnu: no such folder" in wrong(str(tmp_path / "rnu"), str(images))
    assert "no image: name files or folders" in wrong(str(run))
    assert "empty: holds no image" in wrong(str(run), str(tmp_path / "empty"))
    nowhere = str(tmp_path / "none" / "scores.csv")
    assert "there is no folder" in wrong(str(run), str(images), "-o", nowhere)
    summary = str(run / "summary.json")
    assert "none of the 1 images can be read" in wrong(str(run), summary, "--skip-unreadable")
    model = run / "model.safetensors"
    model.write_bytes(model.read_bytes()[:1000])
    assert "cannot be read as a model" in wrong(str(run), str(images))
