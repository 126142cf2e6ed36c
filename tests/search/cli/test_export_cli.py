"""`sedn export --onnx` as a user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.main import app
from sedn.config import build_config
from sedn.errors import UserError
from sedn.run.train import train_run

LACKING = """
import sys
sys.modules["onnxscript"] = None
from search.cli.main import main
main()
"""


def wrong(*words: str) -> str:
    """What is said; the program prints it and exits with code 2."""
    result = CliRunner().invoke(app, ["export", "--onnx", *words])
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_a_run_becomes_a_file(table: Path, tmp_path: Path) -> None:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 1,
        "batch_size": 27,
    }
    run, file = tmp_path / "run", tmp_path / "run.onnx"
    train_run(build_config(fields, "test"), run)
    result = CliRunner().invoke(app, ["export", "--onnx", str(run), "-o", str(file)])
    assert result.exit_code == 0, result.output
    assert file.stat().st_size > 100_000
    line = " ".join(result.stderr.split())
    assert "on 18 images of validation its logits equal torch's; the largest difference is" in line
    assert float(line.rpartition(" ")[2]) <= 1e-4
    assert "there is no folder" in wrong(str(run), "-o", str(tmp_path / "none" / "run.onnx"))


@pytest.mark.parametrize("option", ["--rank=1", "--trial=0", "--baseline", "--splits"])
def test_options_of_an_experiment_are_refused(tmp_path: Path, option: str) -> None:
    said = wrong(str(tmp_path), option, "-o", str(tmp_path / "run.onnx"))
    assert said.startswith(option.partition("=")[0])
    assert "leave one of them out" in said


def test_wrong_input(tmp_path: Path) -> None:
    assert "name the file to write with -o" in wrong(str(tmp_path))
    file = str(tmp_path / "run.onnx")
    assert (
        "spring: no such folder; expected one that `sedn train` or `sedn combine` wrote"
        in wrong(str(tmp_path / "spring"), "-o", file)
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_without_the_extra_one_line_names_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LACKING, "export", "--onnx", "run", "-o", "run.onnx"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "onnxscript is not installed; `pip install 'sedn-search[onnx]'` brings it" in line
