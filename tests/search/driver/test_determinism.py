"""Real training and a real Ray: one seed and one worker give one search, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch

from results.database.models import TrialState
from results.database.store import open_store
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.training.checkpoints.predictions import PREDICTIONS
from sedn.training.checkpoints.storage import CHECKPOINT

SPACE = """
name: tiny
description: a network small enough to be trained in a test
base:
  data: {image_size: 32}
  backbone: {name: resnet10t, pretrained: false}
  epochs: 3
  batch_size: 16
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""
TRIALS = 5
SAME = ("role", "params", "config_hash", "seed", "state", "epochs", "mean_auc", "mean_auc_stderr")


def search(folder: Path, table: Path) -> list[dict[str, Any]]:
    """Trials with every epoch and label, and what training left of each."""
    folder.mkdir()
    space = folder / "space.yaml"
    space.write_text(SPACE)
    settings = SearchSettings(
        data=str(table),
        trials=TRIALS,
        seed=3,
        sampler_options={"n_startup_trials": 2},
        reduction_factor=2,
        keep_best="all",
    )
    where = Resources(backend="local", storage_path=str(folder))
    url = f"sqlite:///{folder}/sedn.db"
    assert run_search("same", str(space), settings, url, where).finished
    store = open_store(url)
    epochs, labels = store.epochs(1), store.label_aucs(1)
    found = []
    for row in store.trials(1):
        curve = [(e.epoch, e.mean_auc, e.train_loss) for e in epochs[row.number]]
        of_labels = labels[labels.trial == row.number][["label", "auc"]].values.tolist()
        decided = {name: getattr(row, name) for name in SAME}
        found.append(decided | {"curve": curve, "labels": of_labels, "folder": Path(row.folder)})
    return found


@pytest.mark.slow
def test_the_same_seed_gives_the_same_search_and_the_same_weights(
    tmp_path: Path, table: Path
) -> None:
    once, again = (search(tmp_path / name, table) for name in ("once", "again"))
    assert len(once) == TRIALS
    assert len({str(trial["state"]) for trial in once}) == 2, "some are stopped, some are not"
    for first, second in zip(once, again, strict=True):
        folders = [first.pop("folder"), second.pop("folder")]
        assert first == second
        weights, same = (load(folder / CHECKPOINT) for folder in folders)
        assert list(weights) == list(same)
        assert all(torch.equal(weights[name], same[name]) for name in weights)
        kept = [folder / PREDICTIONS for folder in folders]
        assert [path.exists() for path in kept] == [first["state"] is TrialState.COMPLETE] * 2
        if kept[0].exists():
            assert kept[0].read_bytes() == kept[1].read_bytes()


def load(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint: weights, their averages, and the optimiser's."""
    return dict(tensors_of(torch.load(checkpoint, weights_only=True)))


def tensors_of(value: Any, name: str = "") -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(name, value)]
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        return []
    return [found for key, one in items for found in tensors_of(one, f"{name}.{key}")]
