"""A backbone by its folder or its name on the hub: as a run writes it, and as timm knows it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sedn.config import BackboneConfig, TrainingConfig, build_config
from sedn.errors import UserError
from sedn.network import build_network, check_network
from sedn.network.backbone import create_backbone
from sedn.prediction.images import find_images
from sedn.prediction.predict import predict_images
from sedn.run.calibration import Calibration
from sedn.run.finishing import read_test_scores
from sedn.run.hub import write_backbone
from sedn.run.model_file import ModelHeader
from sedn.run.train import train_run
from spaces import check_backbones, parse_space

LABELS = ("red", "bright", "third")


def configure(
    backbone: str, size: int = 32, head: str = "average", **fields: object
) -> TrainingConfig:
    base = {
        "data": {"image_size": size},
        "backbone": {"name": backbone, "pretrained": backbone.startswith("local-dir:")},
        "embedding": {"placement": "stage2"},
        "head": {"kind": head},
        "epochs": 1,
        "batch_size": 27,
    }
    return build_config(base | fields, "test")


def write_folder(folder: Path, backbone: str, size: int, head: str = "average") -> dict:
    """The backbone of a network with random weights, as a run writes it; its weights."""
    network = build_network(configure(backbone, size, head), len(LABELS), 1)
    for parameter in network.state_dict().values():
        if parameter.is_floating_point():
            parameter.add_(torch.randn_like(parameter))
    header = ModelHeader(
        configure(backbone, size, head), LABELS, ("card",), False, Calibration(1.5, (0.5,) * 3, ())
    )
    folder.mkdir()
    write_backbone(network, header, folder)
    return network.backbone.state_dict()


@pytest.mark.parametrize("head", ["average", "query"])
@pytest.mark.parametrize(
    ("backbone", "size", "classifier"),
    [("test_resnet", 32, "fc."), ("test_convnext", 32, "head.fc."), ("test_vit", 48, "head.")],
)
def test_a_network_begins_with_the_weights_of_the_folder(
    backbone: str, size: int, classifier: str, head: str, tmp_path: Path
) -> None:
    written = write_folder(tmp_path / "run", backbone, size, head)
    name = f"local-dir:{tmp_path}/run/backbone"
    check_network(configure(name, size))
    network = build_network(configure(name, size), 5, 1)
    loaded = network.backbone.state_dict()
    compared = [key for key in written if not key.startswith(classifier) and key in loaded]
    assert len(compared) > 10
    assert [key for key in compared if not torch.equal(written[key], loaded[key])] == []
    # Five labels, where the folder's model has three or none: the classifier is new.
    assert loaded[f"{classifier}weight"].shape[0] == 5
    # At another size the tables of positions are resampled, and all else is as it was.
    other = create_backbone(BackboneConfig(name=name), 5, 2 * size).state_dict()
    same = [key for key in compared if other[key].shape == written[key].shape]
    assert len(same) >= len(compared) - 1
    assert [key for key in same if not torch.equal(written[key], other[key])] == []


def test_a_run_goes_on_from_another_and_stands_alone(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {
        "data": {"path": str(table), "image_size": 32},
        "embedding": {"placement": "stage3"},
        "semantic_map": {"source": "auxiliary"},
    }
    train_run(configure("test_resnet", **data), tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    config = configure("local-dir:first/backbone", **data)
    assert config.backbone.name == f"local-dir:{tmp_path}/first/backbone"
    train_run(config, tmp_path / "second")
    (tmp_path / "first").rename(tmp_path / "gone")
    (tmp_path / "second").rename(tmp_path / "moved")
    _, logits = read_test_scores(tmp_path / "moved")
    names = [line.split(",")[0] for line in table.read_text().splitlines() if ",test" in line]
    found = find_images([tmp_path / name for name in names])
    predicted = np.stack([p.logits for p in predict_images(tmp_path / "moved", found)])
    assert predicted == pytest.approx(logits, abs=1e-5)
    card = (tmp_path / "moved" / "README.md").read_text()
    assert "of timm" not in card.split("| backbone |")[1].splitlines()[0]


def test_a_space_has_folders_beside_names(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", "test_resnet", 32)
    choices = f"[test_vit, 'local-dir:{tmp_path}/run/backbone']"
    text = f"""
name: folders
base: {{data: {{image_size: 160}}, backbone: {{pretrained: false}}}}
axes:
  backbone.name: {{choice: {choices}}}
  embedding.placement: {{choice: [none, stage1, stage2]}}
"""
    assert check_backbones(parse_space(text, "folders")) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("local-dir:nothing", "no .*nothing/config.json, which says what model it is"),
        ("local-dir:run", "folder is that of a whole run; did you mean 'local-dir:.*run/backbone'"),
        ("local-dir:outer", "did you mean 'local-dir:.*outer/backbone'"),
        ("local-dir:broken", "does not describe a model of timm's"),
        ("local-dir:list", "does not describe a model of timm's"),
        ("local-dir:unknown", "names the architecture 'resnet5O', of which timm .* has none"),
        ("local-dir:bare", "has no pretrained weights: set backbone.pretrained to false"),
        ("local-dir:", "no model id / path"),
        ("s3:bucket/model", "Unknown model source 's3'"),
        ("timm/resnet18", "Use 'hf-hub:timm/resnet18'"),
    ],
)
def test_what_is_wrong_with_a_name_is_one_line(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "run", "test_resnet", 32)
    shutil.copytree(tmp_path / "run", tmp_path / "outer")
    described = json.loads((tmp_path / "run" / "backbone" / "config.json").read_text())
    for folder, content in {
        "run": {"architecture": "sedn.SemanticNetwork", "pretrained_cfg": {}},
        "list": [1],
        "unknown": described | {"architecture": "resnet5O"},
        "bare": described,
    }.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "config.json").write_text(json.dumps(content))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    config = BackboneConfig(name=name)
    with pytest.raises(UserError, match=said) as caught:
        create_backbone(config, 3, 32)
    assert len(str(caught.value).splitlines()) == 1


HUB = """
import sys, torch
from sedn.config import BackboneConfig
from sedn.errors import UserError
from sedn.network.backbone import create_backbone
model = create_backbone(BackboneConfig(name="hf-hub:me/net"), 5, 32)
torch.save(model.state_dict(), sys.argv[1])
try:
    create_backbone(BackboneConfig(name="hf-hub:me/other"), 5, 32)
except UserError as error:
    print(error)
"""


def test_a_model_of_the_hub(tmp_path: Path) -> None:
    """From the hub's cache: there is no network in a test."""
    written = write_folder(tmp_path / "run", "test_resnet", 32)
    model = tmp_path / "hub" / "models--me--net"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0" * 40)
    shutil.copytree(tmp_path / "run" / "backbone", model / "snapshots" / ("0" * 40))
    done = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path / "loaded.pt")],
        env=os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    loaded = torch.load(tmp_path / "loaded.pt")
    assert torch.equal(loaded["conv1.0.weight"], written["conv1.0.weight"])
    (line,) = done.stdout.splitlines()
    assert line.startswith("backbone 'hf-hub:me/other': its description cannot be had from the hub")
