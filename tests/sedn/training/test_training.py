"""Training on real pictures: what a run leaves, and that a broken one ends like a whole one."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from sklearn.metrics import roc_auc_score

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.errors import NonFiniteLoss, UserError
from sedn.run.comparison import compare_runs
from sedn.run.finishing import read_test_scores
from sedn.run.train import train_run
from sedn.training.checkpoints.predictions import PREDICTIONS
from sedn.training.checkpoints.state import prepare
from sedn.training.epochs import train_epochs
from sedn.training.optimization.step import train_epoch


def configure(table: Path, **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "stage1"},
        "attention": {"kind": "se"},
        "optimizer": {"learning_rate": 3e-3},
        "augmentation": {"horizontal_flip": True, "shift": 0.1, "background_swap": 0.2},
        "semantic_map": {"dropout": 0.1, "noise": 0.1},
        "epochs": 3,
        "batch_size": 16,
    }
    return build_config(base | fields, "test")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoint.pt", weights_only=True)["network"]


def test_a_run_learns_and_leaves_model_scores_and_summary(table: Path, tmp_path: Path) -> None:
    shown = []
    config = configure(table, epochs=6)
    summary = train_run(config, tmp_path / "run", shown.append)
    assert [result.epoch for result in shown] == [1, 2, 3, 4, 5, 6]
    assert shown[-1].train_loss < shown[0].train_loss
    assert summary.label_auc["red"] > 0.9
    targets, logits = read_test_scores(tmp_path / "run")
    for index, label in enumerate(("red", "bright")):
        expected = roc_auc_score(targets[:, index], logits[:, index])
        assert summary.label_auc[label] == pytest.approx(expected, abs=1e-12)
    assert summary.validation_mean_auc == shown[-1].mean_auc
    assert summary.map_source == "given"
    with safe_open(tmp_path / "run" / "model.safetensors", "pt") as model:
        assert "backbone.conv1.0.weight" in model.keys()  # noqa: SIM118
        assert model.metadata()["labels"] == '["red", "bright"]'
    assert train_run(config, tmp_path / "run", shown.append) == summary
    assert len(shown) == 6, "a finished run is not trained again"


def test_a_folder_belongs_to_one_configuration(table: Path, tmp_path: Path) -> None:
    train_run(configure(table, epochs=1), tmp_path / "run")
    with pytest.raises(UserError, match="holds a run of another configuration"):
        train_run(configure(table, epochs=2), tmp_path / "run")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"optimizer": {"name": "adamv"}}, "optimizer 'adamv': timm has no such optimiser"),
        (
            {"backbone": {"name": "convnext_tinny", "pretrained": False}},
            "did you mean 'convnext_tiny'",
        ),
        ({"embedding": {"placement": "stage9"}}, "stage9"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(
    table: Path, tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train_run(configure(table, **fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_goes_on_ends_bit_for_bit_like_one_that_was_never_stopped(
    table: Path, tmp_path: Path
) -> None:
    config = configure(table)
    whole = list(train_epochs(config, str(tmp_path / "whole")))
    # A new generator each time, as after a crash; the network of the last one is gone.
    broken = [next(train_epochs(config, str(tmp_path / "broken"), after)) for after in range(3)]
    assert [r.mean_auc for r in broken] == [r.mean_auc for r in whole]
    assert [r.train_loss for r in broken] == [r.train_loss for r in whole]
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    assert all(torch.equal(one[name], other[name]) for name in one)
    kept = [(tmp_path / run / PREDICTIONS).read_bytes() for run in ("whole", "broken")]
    assert kept[0] == kept[1]


def test_epochs_that_are_known_are_trained_again_but_not_told_again(
    table: Path, tmp_path: Path
) -> None:
    config = configure(table)
    told = list(train_epochs(config, str(tmp_path / "lost"), 2))
    assert [result.epoch for result in told] == [3]
    told = list(train_epochs(config, str(tmp_path / "lost"), 1))
    assert [result.epoch for result in told] == [2, 3], "from the checkpoint's own history"


def test_a_loss_that_is_not_finite_is_named_with_epoch_and_rate(table: Path) -> None:
    training = prepare(configure(table))
    with torch.no_grad():
        next(training.network.parameters()).fill_(math.inf)
    with pytest.raises(NonFiniteLoss, match=r"nan in epoch 2 at step 1, learning rate 0\.00"):
        train_epoch(training, 2)


@pytest.mark.parametrize("placement", ["none", "input", "stage2+head", "mask-image", "crop"])
@pytest.mark.parametrize("control", ["none", "shuffled", "constant"])
def test_every_arm_and_control_trains(
    table: Path, tmp_path: Path, placement: str, control: str
) -> None:
    config = configure(
        table, embedding={"placement": placement}, semantic_map={"control": control}, epochs=1
    )
    (result,) = train_epochs(config, str(tmp_path))
    assert 0 <= result.mean_auc <= 1
    assert result.label_auc.keys() == {"red", "bright"}


def test_images_without_a_map_are_told_apart(table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace("0-map.png", "", 1))
    config = configure(table, epochs=1)
    assert load_dataset(config.data).has_indicator
    (result,) = train_epochs(config, str(tmp_path))
    assert np.isfinite(result.train_loss)


def test_unknown_labels_are_masked(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    cells = [line.split(",") for line in lines[1:]]
    for row in cells[::4]:
        row[2] = ""
    table.write_text("\n".join([lines[0], *(",".join(row) for row in cells)]) + "\n")
    (result,) = train_epochs(configure(table, epochs=1), str(tmp_path))
    assert np.isfinite(result.train_loss)
    assert result.label_auc["red"] is not None


def test_two_runs_are_compared_on_the_same_images(table: Path, tmp_path: Path) -> None:
    one = train_run(configure(table, epochs=2), tmp_path / "one")
    other = train_run(configure(table, epochs=2, seed=1), tmp_path / "other")
    comparison = compare_runs(tmp_path / "one", tmp_path / "other")
    assert comparison.mean.difference == pytest.approx(one.mean_auc - other.mean_auc)
    assert comparison.mean.gain == pytest.approx(one.mean_auc / other.mean_auc - 1)
    assert [row.label for row in comparison.rows] == ["red", "bright"]
    with pytest.raises(UserError, match="holds no finished run"):
        compare_runs(tmp_path / "one", tmp_path / "nothing")


def test_the_average_is_what_is_validated_and_kept(table: Path, tmp_path: Path) -> None:
    config = configure(table, ema_decay=0.9)
    train_run(config, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    with safe_open(tmp_path / "run" / "model.safetensors", "pt") as model:
        kept = {name: model.get_tensor(name) for name in model.keys()}  # noqa: SIM118
    assert [name for name in kept if not torch.equal(kept[name], state["average"][name])] == []
    name = "backbone.conv1.0.weight"
    assert not torch.equal(kept[name], state["network"][name])
    # By hand, from the weights after each epoch of one step.
    one_step = configure(table, ema_decay=0.5, batch_size=54, epochs=3)
    expected = None
    for step, _ in enumerate(train_epochs(one_step, str(tmp_path / "steps")), start=1):
        state = torch.load(tmp_path / "steps" / "checkpoint.pt", weights_only=True)
        decay = min(0.5, 1 - step ** (-2 / 3)) if step > 1 else 0.0
        before = state["network"][name] if expected is None else expected
        expected = decay * before + (1 - decay) * state["network"][name]
        assert torch.allclose(state["average"][name], expected, atol=1e-7)


@pytest.mark.slow
def test_a_compiled_network_trains_like_a_plain_one(table: Path, tmp_path: Path) -> None:
    plain = list(train_epochs(configure(table, epochs=2), str(tmp_path / "plain")))
    config = configure(table, epochs=2, compile=True)
    compiled = list(train_epochs(config, str(tmp_path / "compiled")))
    for one, other in zip(plain, compiled, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=0.02)
    (again,) = train_epochs(config, str(tmp_path / "compiled"), 1)
    assert again == compiled[1]


def test_each_step_is_told(table: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    config = configure(table, epochs=2)
    list(train_epochs(config, str(tmp_path), on_step=lambda *step: told.append(step)))
    assert told == [(1, 1, 3), (1, 2, 3), (1, 3, 3), (2, 1, 3), (2, 2, 3), (2, 3, 3)]
