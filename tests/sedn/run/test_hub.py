"""A run's folder as timm and the hub read it, in a process that knows nothing of this project."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from sedn.config import TrainingConfig, build_config
from sedn.network import build_network
from sedn.run.calibration import Calibration
from sedn.run.hub import write_backbone
from sedn.run.model_file import ModelHeader, save_model
from sedn.run.train import train_run

LOAD = """
import json, sys, timm, timm.data, torch
from safetensors.torch import load_file
for run in sys.argv[1:]:
    model = timm.create_model(f"local-dir:{run}/backbone", pretrained=True).eval()
    whole = load_file(f"{run}/model.safetensors")
    trained = {name.removeprefix("backbone."): value for name, value in whole.items()
               if name.startswith("backbone.")}
    loaded = model.state_dict()
    assert trained, run
    for name, value in trained.items():
        assert torch.equal(loaded[name], value), (run, name)
    data = timm.data.resolve_model_data_config(model)
    output = model(torch.zeros(2, *data["input_size"]))
    print(json.dumps({"run": run.rpartition("/")[2], "classes": model.num_classes,
        "untrained": sorted(loaded.keys() - trained.keys()), "shape": list(output.shape),
        "data": data, "labels": model.pretrained_cfg.get("label_names")}))
assert "sedn" not in sys.modules
"""
LABELS = ("red", "bright", "third")
CASES = {
    # Another head leaves pooling and classifier idle: what stands there was never trained.
    "resnet": ("test_resnet", 32, "average", []),
    "resnet-query": ("test_resnet", 32, "query", []),
    "convnext": ("test_convnext", 32, "average", []),
    "convnext-attention": (
        "test_convnext", 32, "attention", ["head.norm.bias", "head.norm.weight"],
    ),
    "vit": ("test_vit", 48, "average", []),
    "vit-gem": ("test_vit", 48, "gem", []),
}  # fmt: skip


def configure(backbone: str, size: int, head: str = "average", **data: str) -> TrainingConfig:
    fields = {
        "data": {"image_size": size} | data,
        "backbone": {"name": backbone, "pretrained": False},
        "embedding": {"placement": "stage2"},
        "head": {"kind": head},
        "epochs": 1,
        "batch_size": 27,
    }
    return build_config(fields, "test")


def load_in_timm(*runs: Path) -> dict[str, dict]:
    """What a fresh process says of each run; it fails where a trained weight is another."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, runs)],
        cwd=runs[0].parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {told["run"]: told for told in map(json.loads, done.stdout.splitlines())}


def test_timm_loads_the_backbone_bit_for_bit(tmp_path: Path) -> None:
    for name, (backbone, size, head, _) in CASES.items():
        config = configure(backbone, size, head)
        network = build_network(config, len(LABELS), 1)
        for parameter in network.state_dict().values():
            if parameter.is_floating_point():
                parameter.add_(torch.randn_like(parameter))
        calibration = Calibration(1.5, (0.5, 0.25, 0.75), ())
        header = ModelHeader(config, LABELS, ("card",), False, calibration)
        (tmp_path / name).mkdir()
        save_model(network, header, tmp_path / name / "model.safetensors")
        write_backbone(network, header, tmp_path / name)
    told = load_in_timm(*(tmp_path / name for name in CASES))
    for name, (_, size, head, untrained) in CASES.items():
        assert told[name]["untrained"] == untrained
        assert told[name]["classes"] == (3 if head == "average" else 0)
        assert told[name]["labels"] == (list(LABELS) if head == "average" else None)
        assert told[name]["data"]["input_size"] == [3, size, size]
        assert told[name]["data"]["crop_mode"] == "squash"
        assert told[name]["shape"][0] == 2
    assert told["resnet"]["shape"] == [2, 3]


def test_a_run_is_a_model_with_its_card(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    summary = train_run(configure("test_resnet", 32, path=str(table)), run)
    told = load_in_timm(run)["run"]
    assert told["labels"] == ["red", "bright"]
    assert told["untrained"] == []
    described = json.loads((run / "config.json").read_text())
    assert described["label_names"] == ["red", "bright"]
    assert described["temperature"] == summary.temperature
    assert described["thresholds"] == [s.threshold for s in summary.label_scores.values()]
    assert described["pretrained_cfg"]["mean"] == told["data"]["mean"]
    assert described["pretrained_cfg"]["input_size"] == [3, 32, 32]
    _, front, card = (run / "README.md").read_text().split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["library_name"] == "sedn-search"
    (result,) = fields["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(summary.mean_auc)
    assert "base_model" not in fields, "it was not pretrained"
    for said in (
        summary.data_fingerprint,
        "red, bright",
        f"{summary.mean_auc:.4f} [{summary.mean_auc_interval[0]:.3f}, ",
        "perfect segmenter",
        "54 train, 18 validation, 18 test",
        "--maps masks/",
    ):
        assert said in card
