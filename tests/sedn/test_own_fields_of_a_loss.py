"""A loss may have fields of its own: one entry adds them to configurations, spaces and messages."""

import pickle

import pytest
import torch
import yaml
from pydantic import BaseModel, Field
from torch import Tensor

from sedn.config import LossConfig, build_config, config_hash
from sedn.errors import UserError
from sedn.registry import LOSSES, register_loss
from sedn.registry.__main__ import main
from sedn.registry.losses import EntryLoss
from sedn.training.optimization.losses import classification_loss
from spaces import parse_space


class TemperedOptions(BaseModel):
    """Of the loss below."""

    tau: float = Field(0.5, gt=0, le=4)
    form: str = "soft"


def tempered(options: TemperedOptions, positives: Tensor, known: Tensor) -> EntryLoss:
    return lambda logits, targets: options.tau * (logits.sigmoid() - targets).abs()


@pytest.fixture(autouse=True)
def tempered_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOSSES, "entries", dict(LOSSES.entries))
    before = config_hash(build_config({}, "x"))
    register_loss("tempered", tempered, "a distance", options=TemperedOptions)
    assert config_hash(build_config({}, "x")) == before, "a plugin changes no other configuration"


def loss_of(**fields: object) -> dict[str, object]:
    loss: dict[str, object] = build_config({"loss": fields}, "x").model_dump()["loss"]
    return loss


def test_the_fields_are_there_with_their_loss_alone() -> None:
    assert loss_of(kind="tempered")["tau"] == 0.5
    assert loss_of(kind="tempered", tau=2)["tau"] == 2.0
    assert "tau" not in loss_of(kind="bce")
    assert "tau" not in loss_of(kind="bce", tau=2.0), "as a reduction ratio without attention"
    assert loss_of(kind="tempered", gamma=1.0)["gamma"] == LossConfig().gamma


def test_equal_losses_have_equal_hashes_and_come_back_from_a_document() -> None:
    given = [{}, {"tau": 0.5}, {"tau": 1.5}, {"form": "hard"}]
    configs = [build_config({"loss": {"kind": "tempered", **own}}, "x") for own in given]
    hashes = [config_hash(config) for config in configs]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3
    for config in configs:
        assert build_config(yaml.safe_load(config.to_yaml()), "x") == config
        assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "tempered", "tau": 9.0}, "field 'loss.tau': input should be less than or equal"),
        ({"kind": "tempered", "tau": "1"}, "field 'loss.tau': input should be a valid number"),
        ({"kind": "bce", "tau": 9.0}, "field 'loss.tau': input should be less than or equal to 4"),
        ({"kind": "tempered", "taw": 1.0}, "unknown field 'loss.taw'; did you mean 'loss.tau'?"),
        ({"kind": "bce", "gamm": 1.0}, "unknown field 'loss.gamm'; did you mean 'loss.gamma'?"),
    ],
)
def test_a_wrong_field_is_named_with_the_right_one(fields: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        build_config({"loss": fields}, "x")
    assert str(caught.value).startswith(f"x: {said}")


def test_the_loss_is_built_from_its_fields() -> None:
    logits, targets = torch.zeros(2, 1), torch.ones(2, 1)
    counts = torch.tensor([1.0]), torch.tensor([2.0])
    for tau in (0.5, 2.0):
        config = LossConfig.model_validate({"kind": "tempered", "tau": tau})
        assert classification_loss(config, *counts)(logits, targets) == pytest.approx(tau * 0.5)


SPACE = """\
name: own
axes:
  loss.kind: {choice: [bce, tempered]}
  loss.tau: {float: [0.5, 2.0], default: %s}
"""


def test_the_fields_are_axes_of_a_space() -> None:
    space = parse_space(SPACE % 1.0, "own.yaml")
    config = space.config({"loss.kind": "tempered", "loss.tau": 2.0})
    assert config.model_dump()["loss"]["tau"] == 2.0
    assert "tau" not in space.config({"loss.kind": "bce", "loss.tau": 2.0}).model_dump()["loss"]
    with pytest.raises(UserError, match="input should be a valid number"):
        parse_space(SPACE % "'3'", "own.yaml")
    with pytest.raises(UserError, match=r"there is no field 'loss.taw'; did you mean 'loss.tau'"):
        parse_space((SPACE % 1.0).replace("loss.tau", "loss.taw"), "own.yaml")


def test_the_names_are_printed_with_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert "a distance [tau, form]" in capsys.readouterr().out


class NoDefault(BaseModel):
    """Of no loss."""

    tau2: float


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TemperedOptions, "'other': the field 'tau' is there already"),
        (NoDefault, "'other': the field 'tau2' needs a default"),
    ],
)
def test_fields_that_cannot_be_added_are_refused(options: type[BaseModel], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        register_loss("other", tempered, "x", options=options)
    assert "other" not in LOSSES.entries
