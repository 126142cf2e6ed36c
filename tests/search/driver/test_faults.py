"""What breaks a trial while it trains real pictures, and what then stands in store and study."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.database.models import Trial
from results.database.store import open_store
from search.run import run_search
from search.settings import Resources, SearchSettings

SPACE = """
name: faults
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 16
axes:
  embedding.placement: {choice: [none, stage1]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
"""
MEMORY, AFTER, INFINITE, SLOW, LATE = 1, 2, 3, 4, 5
"""Trials that lack memory, follow one that did, diverge, and have no time, or only for an epoch."""


def faulty(log: Path) -> Any:
    """A real training with a fault that the trial's number decides."""

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[Any]:
        from dataclasses import asdict, replace

        import torch
        from torch import nn

        from sedn.training.epochs import train_epochs

        def lack(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if isinstance(module, nn.Conv2d) and len(inputs[0]) > 8:
                raise torch.OutOfMemoryError("CUDA out of memory")

        number = int(Path(folder).name)
        with log.open("a") as lines:
            known = {"number": number, "threads": torch.get_num_threads(), **asdict(bounds)}
            lines.write(json.dumps(known) + "\n")
        if number == INFINITE:
            optimizer = config.optimizer.model_copy(
                update={"learning_rate": 1e30, "name": "momentum"}
            )
            config = config.model_copy(update={"optimizer": optimizer})
        if number == SLOW:
            bounds = replace(bounds, seconds=0.0)
        if number == LATE:
            yield next(train_epochs(config, folder, after_epoch, bounds))
            yield from train_epochs(config, folder, 1, replace(bounds, seconds=0.001))
        if number in (MEMORY, AFTER):
            hook = nn.modules.module.register_module_forward_pre_hook(lack)
        try:
            yield from train_epochs(config, folder, after_epoch, bounds)
        finally:
            if number in (MEMORY, AFTER):
                hook.remove()

    return train


@pytest.fixture
def trials(table: Path, tmp_path: Path, store_url: str) -> tuple[list[Trial], list[Any], list[Any]]:
    """Rows of the store, the study's trials, and what each training was told."""
    (tmp_path / "space.yaml").write_text(SPACE)
    run_search(
        "faults",
        str(tmp_path / "space.yaml"),
        SearchSettings(data=str(table), trials=6, scheduler="none", sampler="random"),
        store_url,
        Resources(storage_path=str(tmp_path), max_concurrent=1, trial_seconds=1000.0),
        train=faulty(tmp_path / "log"),
    )
    store = open_store(store_url)
    study = optuna.load_study(study_name="faults", storage=store_url)
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    return store.trials(store.experiment("faults").id), study.trials, told


@pytest.mark.slow
def test_each_fault_ends_as_what_it_is(trials: tuple[list[Trial], list[Any], list[Any]]) -> None:
    rows, of_study, told = trials
    ended = [(str(row.state), row.cause, row.epochs) for row in rows]
    assert ended == [
        ("COMPLETE", None, 2),
        ("COMPLETE", None, 2),
        ("COMPLETE", None, 2),
        ("FAILED", "non-finite", 0),
        ("FAILED", "time", 0),
        ("PRUNED", "time", 1),
    ]
    states = {"COMPLETE": "COMPLETE", "PRUNED": "PRUNED", "FAILED": "FAIL"}
    assert [t.state.name for t in of_study] == [states[str(row.state)] for row in rows]
    assert rows[0].cost("micro_batch") == 16
    assert rows[MEMORY].cost("micro_batch") == 4, "no epoch has fewer steps"
    assert rows[INFINITE].reason is not None
    assert "in epoch 1 at step" in rows[INFINITE].reason.splitlines()[0]
    assert "lower optimizer.learning_rate" in rows[INFINITE].reason.splitlines()[0]
    assert rows[LATE].mean_auc is not None
    # What one trial found of the memory, the next one starts with.
    bounds = {line["number"]: line for line in told}
    assert bounds[MEMORY]["micro_batch"] is None
    assert bounds[AFTER]["micro_batch"] == 4
    assert {line["seconds"] for line in told} == {1000.0}
    assert {line["threads"] for line in told} == {1}, "as many as a trial's cores"
    measured = ("flops", "latency_ms", "latency_32_ms", "peak_memory", "images_per_second")
    assert all((rows[0].cost(name) or 0) > 0 for name in measured)
