"""From a file of pretrained weights to a folder for the hub, by the command line."""

import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
import yaml
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from search.cli.main import app
from sedn.errors import UserError

SPACE = """\
name: local
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, weights: weights.safetensors}
  epochs: 1
  batch_size: 18
axes:
  backbone.pretrained: {choice: [true, false]}
  embedding.placement: {choice: [none, stage2]}
  optimizer.learning_rate: {choice: [1.0e-7], default: 1.0e-7}
"""


def sedn(*words: str) -> Result:
    return CliRunner().invoke(app, [*words], catch_exceptions=False)


def output_of(*words: str) -> str:
    done = sedn(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A file of weights, a space that names it, and the folder of both as the current one."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(3)
    found = timm.create_model("test_resnet", num_classes=5).state_dict()
    save_file(found, "weights.safetensors")
    Path("space.yaml").write_text(SPACE)
    return found


def test_search_export_train_predict_and_a_folder_for_the_hub(
    weights: dict[str, torch.Tensor], table: Path, tmp_path: Path
) -> None:
    search = ("search", "--data", str(table), "--space", "space.yaml", "--name", "local",
              "--backend", "local", "--trials", "4")  # fmt: skip
    assert json.loads(output_of(*search, "--json"))["finished"]
    ranking = json.loads(output_of("rank", "local", "--json"))
    assert {row["backbone.pretrained"] for row in ranking} == {True, False}

    output_of("export", "local", "--trial", "0", "-o", "first.yaml")
    backbone = yaml.safe_load(Path("first.yaml").read_text())["backbone"]
    assert backbone["pretrained"]
    assert backbone["weights"] == str(tmp_path / "weights.safetensors")
    assert len(backbone["weights_digest"]) == 16
    output_of("train", "first.yaml", "-o", "run")
    # At this learning rate training moves nothing: the run's backbone is still that of the file.
    trained = load_file("run/backbone/model.safetensors")
    first = "conv1.0.weight"
    assert torch.allclose(trained[first], weights[first], atol=1e-5)
    assert trained["fc.weight"].shape[0] == 2
    assert "`weights.safetensors`, digest" in Path("run/README.md").read_text()

    # The run stands alone: for predictions, timm and the hub the file is not needed any more.
    Path("weights.safetensors").rename("gone.safetensors")
    shutil.move("run", "hub")
    scores = output_of("predict", "hub", str(table.parent / "1.png"))
    assert len(scores.splitlines()) == 2
    again = timm.create_model(f"local-dir:{tmp_path}/hub/backbone", pretrained=True)
    assert torch.equal(again.state_dict()[first], trained[first])
    assert json.loads(Path("hub/config.json").read_text())["num_classes"] == 2


def test_a_file_that_is_not_there_is_said_before_anything_is_written(
    weights: dict[str, torch.Tensor], table: Path, tmp_path: Path
) -> None:
    Path("weights.safetensors").unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as caught:
        sedn("search", "--data", str(table), "--space", "space.yaml", "--name", "local",
             "--backend", "local", "--trials", "2")  # fmt: skip
    (line,) = str(caught.value).splitlines()
    assert f"backbone.weights: {tmp_path}/weights.safetensors: No such file" in line
    repository = timm.get_pretrained_cfg("test_resnet").hf_hub_id
    assert f"hf download {repository} model.safetensors" in line
    assert sorted(tmp_path.rglob("*")) == before
