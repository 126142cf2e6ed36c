"""What a trial gets of a GPU: by arithmetic, and by a Ray that is told of a GPU."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from results.database.store import open_store
from search.cli.main import app
from search.packing import CONTEXT, HEADROOM, SHARES, Packing, share
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import build_config
from sedn.errors import UserError
from sedn.training.result import EpochResult

GIB = 2**30
PEAKS = {32: 10 * GIB, 64: 25 * GIB, 128: 50 * GIB}
EXPECTED = {32: 0.25, 64: 0.5, 128: 1.0}
SPACE = """
name: sizes
base: {epochs: 1, backbone: {name: test_resnet, pretrained: false}}
axes:
  data.image_size: {choice: [32, 64, 128]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
"""


@given(st.integers(0, 200 * GIB), st.integers(GIB, 200 * GIB))
def test_a_share_is_the_least_that_holds_the_peak(peak: int, device: int) -> None:
    needed = HEADROOM * peak + CONTEXT
    given_share = share(peak, device)
    assert given_share in SHARES
    assert given_share == 1.0 or needed <= given_share * device
    assert all(needed > part * device for part in SHARES if part < given_share)


def test_the_greatest_peak_of_a_kind_counts() -> None:
    packing = Packing()
    config = build_config({"data": {"image_size": 64}}, "test")
    assert packing.share_of(config) == 1.0
    packing.learn(config, None, None)
    assert packing.share_of(config) == 1.0, "nothing was measured"
    packing.learn(config, 30 * GIB, 80 * GIB)
    packing.learn(config, 5 * GIB, 80 * GIB)
    assert packing.share_of(config) == 0.5
    assert packing.share_of(build_config({"data": {"image_size": 65}}, "test")) == 1.0


def measured(log: Path) -> Any:
    """Trials that say how much of a GPU they were given, and hold what their images need."""

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
        import ray

        size = config.data.image_size
        gpu = ray.get_runtime_context().get_assigned_resources().get("GPU", 0)
        with log.open("a") as lines:
            lines.write(json.dumps([int(Path(folder).name), size, gpu]) + "\n")
        yield EpochResult(
            epoch=1,
            mean_auc=0.7,
            mean_auc_stderr=0.01,
            label_auc={"digit_0": 0.7},
            label_auc_stderr={"digit_0": 0.01},
            train_loss=1.0,
            seconds=36.0,
            costs={"peak_memory": PEAKS[size], "device_memory": 80 * GIB},
        )

    return train


@pytest.mark.slow
def test_trials_share_a_gpu_by_what_was_measured(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_OVERRIDE_RESOURCES", '{"GPU": 1, "CPU": 8}')
    (tmp_path / "space.yaml").write_text(SPACE)
    log = tmp_path / "log"
    where = Resources(storage_path=str(tmp_path), gpus_per_trial="auto", max_concurrent=1)
    for trials in (7, 10):
        run_search(
            "packed",
            str(tmp_path / "space.yaml"),
            SearchSettings(trials=trials, scheduler="none", sampler="random", seed=1),
            store_url,
            where,
            train=measured(log),
        )
    seen: set[int] = set()
    for number, size, gpu in sorted(json.loads(line) for line in log.read_text().splitlines()):
        assert gpu == (EXPECTED[size] if size in seen else 1.0), number
        seen.add(size)
    assert seen == set(PEAKS), "the second run knew from the store what the first had measured"
    rows = open_store(store_url).trials(1)
    assert [row.cost("device_memory") for row in rows] == [80 * GIB] * 10


def test_what_is_no_share_is_refused() -> None:
    words = ["search", "--name", "x", "--gpus-per-trial", "half"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == (
        "--gpus-per-trial: 'half' is neither a number such as 0.5 nor 'auto'"
    )
