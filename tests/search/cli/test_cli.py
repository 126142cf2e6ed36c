"""The command line as a user meets it: the whole path, and one line for what is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from search.cli.main import main

Wrong = Callable[..., str]


def sedn(*words: str, folder: Path) -> subprocess.CompletedProcess:
    """In a process of its own, which takes seconds to import what it needs."""
    return subprocess.run(
        [sys.executable, "-m", "search.cli.main", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
    )


@pytest.mark.slow
def test_search_rank_labels_export_train_report(
    table: Path, space_file: Path, tmp_path: Path
) -> None:
    command = (
        "search", "--name=red", f"--data={table}", f"--space={space_file}", "--trials=4",
        "--epochs=2", "--json",
    )  # fmt: skip
    searched = sedn(*command, folder=tmp_path)
    assert searched.returncode == 0, searched.stderr
    assert json.loads(searched.stdout)["finished"]
    assert "4 of 4 trials" in searched.stderr
    assert "labels: 2 columns of 1 and 0\n" in searched.stderr

    ranked = json.loads(sedn("rank", "red", "--json", folder=tmp_path).stdout)
    assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
    means = [row["mean_auc"] for row in ranked]
    assert means == sorted(means, reverse=True)
    assert all(row["low"] <= row["mean_auc"] <= row["high"] for row in ranked)
    assert "mean AUC" in sedn("rank", "red", folder=tmp_path).stdout

    by_label = json.loads(sedn("labels", "red", "--json", folder=tmp_path).stdout)
    assert {row["label"] for row in by_label} == {"red", "bright"}
    assert "4 of 4 trials" in sedn("status", "red", folder=tmp_path).stdout

    exported = sedn("export", "red", "--rank=1", "-o", "best.yaml", folder=tmp_path)
    assert exported.returncode == 0, exported.stderr
    document = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert document["data"]["path"] == str(table)
    sedn("export", "red", "--baseline", "-o", "plain.yaml", folder=tmp_path)

    plain = sedn("train", "plain.yaml", "-o", "plain", folder=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "labels: 2 columns of 1 and 0\n" in plain.stderr
    trained = sedn(
        "train", "best.yaml", "-o", "best", "--beside", "plain", "--json", folder=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "best" / "model.safetensors").stat().st_size > 0
    # The export runs unchanged: its last epoch equals the trial's own.
    best = next(row for row in ranked if row["rank"] == 1)
    last = (tmp_path / "best" / "epochs.csv").read_text().splitlines()
    header, row = last[0].split(","), last[-1].split(",")
    assert float(row[header.index("mean_auc")]) == pytest.approx(best["mean_auc"], abs=1e-3)

    reported = sedn("report", "red", "-o", "report.html", folder=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert "plotly" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_one_label_without_splits_is_checked_searched_and_ranked(
    table: Path, space_file: Path, tmp_path: Path
) -> None:
    lines = [line.split(",")[:3] for line in table.read_text().splitlines()]
    table.write_text("\n".join(",".join(line) for line in lines) + "\n")
    checked = sedn("data", "check", str(table), "-o", "check.html", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    searched = sedn(
        "search", "--name=red", f"--data={table}", f"--space={space_file}", "--trials=2",
        "--epochs=1", "--json", folder=tmp_path,
    )  # fmt: skip
    assert searched.returncode == 0, searched.stderr
    assert json.loads(searched.stdout)["states"]["COMPLETE"] == 2
    assert len(json.loads(sedn("rank", "red", "--json", folder=tmp_path).stdout)) == 2


@pytest.mark.slow
def test_segment_then_search_with_predicted_maps_and_without_unreadable_images(
    table: Path, space_file: Path, tmp_path: Path, wrong: Wrong
) -> None:
    (table.parent / "5.png").write_bytes(b"")
    words = (f"--data={table}", "--image-size=32", "--no-pretrained", "-o", "maps")
    line = wrong("segment", *words)
    assert "5.png" in line
    assert "--skip-unreadable" in line
    segmented = sedn(
        "segment", f"--data={table}", "--image-size=32", "--encoder=resnet10t", "--no-pretrained",
        "--epochs=2", "--skip-unreadable", "--json", "-o", "maps", folder=tmp_path,
    )  # fmt: skip
    assert segmented.returncode == 0, segmented.stderr
    assert len(json.loads(segmented.stdout)["validation_dice"]) == 2
    assert "fold 2/2  epoch 2/2" in segmented.stderr

    space = yaml.safe_load(space_file.read_text())
    space["base"]["data"] = {"image_size": 32}
    space["base"]["semantic_map"] = {"source": "predicted", "segmenter": str(tmp_path / "maps")}
    space_file.write_text(yaml.safe_dump(space, sort_keys=False))
    searched = sedn(
        "search", "--name=red", f"--data={table}", f"--space={space_file}", "--trials=2",
        "--epochs=1", "--skip-unreadable", "--json", folder=tmp_path,
    )  # fmt: skip
    assert searched.returncode == 0, searched.stderr
    assert json.loads(searched.stdout)["skipped_images"] == 1
    assert json.loads(searched.stdout)["states"]["COMPLETE"] == 2
    assert "1 image could not be read" in sedn("rank", "red", folder=tmp_path).stderr

    splits = sedn("export", "red", "--splits", folder=tmp_path).stdout.splitlines()
    assert splits[0] == "image,split"
    assert sorted(line.split(",")[0] for line in splits[1:]) == sorted(
        f"{index}.png" for index in range(90) if index != 5
    )


@pytest.fixture
def wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Wrong:
    """Run a command in this process and in the test's folder; the one line that is said."""

    def said(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["sedn", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert ended.value.code == 2, out + err
        return only_line(err)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return said


def only_line(err: str) -> str:
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


def test_unknown_backbone(space_file: Path, tmp_path: Path, wrong: Wrong) -> None:
    space_file.write_text(space_file.read_text().replace("resnet10t", "resnet5O"))
    line = wrong("search", "--name=x", f"--space={space_file}", "--trials=1")
    assert "resnet5O" in line
    assert "did you mean 'resnet50'" in line
    assert not (tmp_path / "sedn.db").exists(), "nothing was written"


def test_misspelled_key_in_the_space(space_file: Path, wrong: Wrong) -> None:
    text = space_file.read_text().replace("optimizer.learning_rate", "optimizer.learning_rat")
    space_file.write_text(text)
    line = wrong("search", "--name=x", f"--space={space_file}", "--trials=1")
    assert "optimizer.learning_rat" in line
    assert "did you mean 'optimizer.learning_rate'" in line


def test_label_without_positives(table: Path, space_file: Path, wrong: Wrong) -> None:
    lines = table.read_text().splitlines()
    rows = [lines[0] + ",striped"] + [line + ",0" for line in lines[1:]]
    table.write_text("\n".join(rows) + "\n")
    line = wrong("search", "--name=x", f"--data={table}", f"--space={space_file}", "--trials=1")
    assert "products.csv" in line
    assert "'striped'" in line
    assert "positive" in line


def test_unreadable_database(tmp_path: Path, wrong: Wrong) -> None:
    (tmp_path / "sedn.db").write_bytes(b"this is no database" * 100)
    assert "sedn.db" in wrong("rank", "x")


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    done = sedn("--version", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"sedn {version('sedn-search')}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rank", "demo"), "sedn.db"),
        (("search", "--name=a/b"), "--name"),
        (("search", "--name=a", "--sampler=tpee"), "did you mean 'tpe'"),
        (("search", "--name=a", "--scheduler=ash"), "did you mean 'asha'"),
        (("search", "--name=a", "--space=dmeo"), "did you mean 'demo'"),
        (("search", "--name=a", "--data=digits-in-cluter"), "did you mean 'digits-in-clutter'"),
        (("train", "none.yaml", "-o", "run"), "none.yaml"),
    ],
)
def test_other_wrong_input(wrong: Wrong, words: tuple[str, ...], said: str) -> None:
    assert said in wrong(*words)


def test_two_drivers_of_one_experiment(tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    from search.lock import sole_driver
    from sedn.errors import UserError

    engine = create_engine(f"sqlite:///{tmp_path}/sedn.db")
    with sole_driver(engine, "one"):
        with pytest.raises(UserError, match="another process"), sole_driver(engine, "one"):
            pass
        with sole_driver(engine, "two"):
            pass
    with sole_driver(engine, "one"):
        pass
