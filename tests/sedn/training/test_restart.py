"""A training that is killed at any moment ends, when it goes on, bit for bit like a whole one."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from sedn.config import TrainingConfig, build_config
from sedn.errors import TimeExceeded
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.folder import save_state
from sedn.training.checkpoints.storage import CHECKPOINT
from sedn.training.epochs import train_epochs


def configure(table: Path, **fields: object) -> TrainingConfig:
    """Everything that draws by chance or keeps a state, at once."""
    base = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_convnext", "pretrained": False, "drop_path": 0.2},
        "embedding": {"placement": "stage1"},
        "attention": {"kind": "se"},
        "optimizer": {"name": "adan", "learning_rate": 3e-3, "layer_decay": 0.9, "clip_norm": 1.0},
        "augmentation": {"horizontal_flip": True, "policy": "trivial", "mixup": 0.2},
        "semantic_map": {"dropout": 0.1, "noise": 0.1},
        "ema_decay": 0.9,
        "epochs": 3,
        "batch_size": 8,
        "micro_batch_size": 4,
    }
    return build_config(base | fields, "test")


def states(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of the checkpoint, those of the optimiser and the average too."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    found = {}
    for part in ("network", "average"):
        found |= {f"{part}.{name}": value for name, value in (state[part] or {}).items()}
    for index, values in state["optimizer"]["state"].items():
        found |= {f"{index}.{n}": v for n, v in values.items() if isinstance(v, torch.Tensor)}
    return found


def assert_equal(one: Path, other: Path) -> None:
    first, second = states(one), states(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


class Stopped(Exception):
    """Leaves a training as abruptly as an exception can."""


def stop_at(calls: int) -> torch.utils.hooks.RemovableHandle:
    """Break the forward pass of a network with that number, from now on."""
    seen = 0

    def hook(module: torch.nn.Module, inputs: object) -> None:
        nonlocal seen
        if type(module).__name__ == "ConvNeXt":
            seen += 1
            if seen == calls:
                raise Stopped

    return torch.nn.modules.module.register_module_forward_pre_hook(hook)


def slowly(name: str) -> Any:
    """A case of the slow tests."""
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "name",
    ["adamw", *(slowly(name) for name in ("adan", "sgd", "lamb", "muon"))],
)
def test_within_an_epoch_it_goes_on_where_it_was_saved(
    table: Path, tmp_path: Path, name: str
) -> None:
    config = configure(table, epochs=2, optimizer={"name": name, "learning_rate": 3e-3})
    whole = list(train_epochs(config, str(tmp_path / "whole")))
    every_step = Bounds(checkpoint_seconds=0.0)
    for calls in (5, 12, 18):
        handle = stop_at(calls)
        with pytest.raises(Stopped):
            list(train_epochs(config, str(tmp_path / "broken"), 0, every_step))
        handle.remove()
        saved = torch.load(tmp_path / "broken" / "checkpoint.pt", weights_only=True)
    assert saved["position"] is not None, "the last stop was within an epoch"
    rest = list(train_epochs(config, str(tmp_path / "broken"), 0, every_step))
    assert [r.train_loss for r in rest] == [r.train_loss for r in whole]
    assert [r.label_auc for r in rest] == [r.label_auc for r in whole]
    assert_equal(tmp_path / "whole", tmp_path / "broken")


def test_the_time_of_earlier_processes_counts(table: Path, tmp_path: Path) -> None:
    config = configure(table)
    first = next(train_epochs(config, str(tmp_path)))
    with pytest.raises(TimeExceeded, match=r"in epoch 2 at step 1 of 6: .* longer than \d"):
        list(train_epochs(config, str(tmp_path), 1, Bounds(seconds=first.seconds)))
    assert [r.epoch for r in train_epochs(config, str(tmp_path))] == [1, 2, 3]


def damage(path: Path, kind: str) -> None:
    """Make a file what a bad disk, a full one or a broken copy leaves of it."""
    content = bytearray(path.read_bytes())
    if kind == "flipped":
        middle = len(content) // 2
        for index in range(middle, middle + 400):
            content[index] ^= 0xFF
    elif kind == "truncated":
        del content[len(content) // 2 :]
    elif kind == "zeros":
        content[:] = bytes(len(content))
    else:
        content.clear()
    path.write_bytes(content)


def foreign(folder: Path, table: Path, kind: str) -> None:
    """Put a checkpoint of another training into the folder."""
    if kind == "version":
        save_state(str(folder), {"format": 1})
        return
    other: dict[str, object] = {
        "seed": {"seed": 7},
        "architecture": {"backbone": {"name": "test_resnet", "pretrained": False}},
        "placement": {"embedding": {"placement": "stage2"}},
    }[kind]
    next(train_epochs(configure(table, **other), str(folder)))


@dataclass(frozen=True)
class Whole:
    """A training that nothing disturbed."""

    config: TrainingConfig
    folder: Path
    aucs: list[float]


@pytest.fixture(scope="module")
def whole(shared_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    config, folder = configure(shared_table, epochs=2), tmp_path_factory.mktemp("whole")
    return Whole(config, folder, [r.mean_auc for r in train_epochs(config, str(folder))])


@pytest.mark.parametrize("kind", ["truncated", "zeros", slowly("flipped"), slowly("empty")])
def test_a_damaged_checkpoint_is_set_aside_and_its_training_starts_afresh(
    whole: Whole, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    shutil.copytree(whole.folder, tmp_path / "damaged")
    damage(tmp_path / "damaged" / CHECKPOINT, kind)
    again = list(train_epochs(whole.config, str(tmp_path / "damaged")))
    assert [r.mean_auc for r in again] == whole.aucs
    assert_equal(whole.folder, tmp_path / "damaged")
    assert (tmp_path / "damaged" / f"{CHECKPOINT}.unused").exists()
    assert caplog.text.count("the file is damaged") == 1


@pytest.mark.parametrize("kind", ["seed", "architecture", slowly("version"), slowly("placement")])
def test_a_checkpoint_of_another_training_is_never_read(
    whole: Whole,
    shared_table: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    foreign(tmp_path / "taken", shared_table, kind)
    own = list(train_epochs(whole.config, str(tmp_path / "taken")))
    assert [(r.epoch, r.mean_auc) for r in own] == list(enumerate(whole.aucs, start=1))
    assert_equal(whole.folder, tmp_path / "taken")
    assert caplog.text.count("the training starts afresh") == 1


# One process imports torch; what is killed are its children, which start in no time.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from sedn.config import load_config
from sedn.training.bounds import Bounds
from sedn.training.epochs import train_epochs

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
config = load_config(folder / "config.yaml")
every_step = Bounds(checkpoint_seconds=0.0)
random.seed(0)


def train(run):
    child = os.fork()
    if child == 0:
        list(train_epochs(config, str(folder / run), 0, every_step))
        os._exit(0)
    return child


def halves(run):
    return list((folder / run).glob(".sedn-*.part"))


def kill(run, child, in_checkpoint):
    \"\"\"Kill at a random moment, or at the next write; whether the child still ran.\"\"\"
    at = time.monotonic() + random.uniform(0.05, 0.8)
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > at and (not in_checkpoint or halves(run)):
            os.kill(child, signal.SIGKILL)
            return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return False


assert os.waitpid(train("whole"), 0)[1] == 0
killed, writing, runs = 0, 0, []
while killed < kills:
    run = f"killed-{len(runs)}"
    runs.append(run)
    while killed < kills:
        if not kill(run, train(run), in_checkpoint=killed % 2 == 1):
            break
        killed += 1
        writing += bool(halves(run))
        for half in halves(run):
            half.unlink()
    else:
        assert os.waitpid(train(run), 0)[1] == 0
print(json.dumps({"killed": killed, "writing": writing, "runs": runs}))
"""


@pytest.mark.slow
def test_twenty_kills_lose_nothing(table: Path, tmp_path: Path) -> None:
    config = configure(table, epochs=8)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    command = [sys.executable, "-c", KILLER, str(tmp_path), "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=True)
    told = json.loads(done.stdout)
    assert told["killed"] == 20
    assert told["writing"] >= 5, "several of them while a checkpoint was written"
    for run in told["runs"]:
        assert_equal(tmp_path / "whole", tmp_path / run)
