"""The script for a GPU, on the CPU with tiny sizes, where neither Ray nor Optuna is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.sh"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), *words],
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        timeout=580,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_parts_run_on_the_cpu_without_ray(tmp_path: Path) -> None:
    for name in ("ray", "optuna"):
        (tmp_path / "path" / name).mkdir(parents=True)
        refusal = f"raise ImportError('no {name} here')"
        (tmp_path / "path" / name / "__init__.py").write_text(refusal)
    figures = tmp_path / "figures"
    done = run(str(figures), "--device", "cpu", "--tiny", PYTHONPATH=str(tmp_path / "path"))
    assert done.returncode == 0, done.stdout + done.stderr
    parts = ("versions", "tests", "network", "training", "packed", "measures", "figures")
    assert {path.stem for path in figures.glob("*.log")} == set(parts)
    ratios = json.loads(done.stdout.splitlines()[-1])["ratios"]
    assert set(ratios) == {
        "network/test_resnet_cpu", "training/test_resnet_plain_cpu",
        "training/test_resnet_SE-DNN_cpu", "packed/test_resnet_2_trials",
        "measures/test_resnet_compiled",
    }  # fmt: skip
    assert all(ratio["value"] > 0 for ratio in ratios.values())
    assert " passed" in (figures / "tests.log").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--device", "tpu"), "expected cuda or cpu"), (("--fast",), "unknown option --fast")],
)
def test_what_is_wrong_is_one_line(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_without_a_gpu_the_script_says_so(tmp_path: Path) -> None:
    done = run(str(tmp_path), CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert "torch finds no GPU here" in done.stderr
    assert list(tmp_path.iterdir()) == []
