"""ONNX files of runs of every kind, scored by onnxruntime beside torch."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from scipy.special import expit

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.export.onnx_file import export_onnx
from sedn.network import build_network
from sedn.prediction.predictor import load_predictor
from sedn.run.calibration import Calibration
from sedn.run.model_file import ModelHeader, save_model
from sedn.run.train import train_run
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.segmenter import copy_segmenter, train_segmenter


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a hundred images for validation, each with a mask of its own but three."""
    folder = tmp_path_factory.mktemp("hundred")
    random = np.random.default_rng(0)
    rows = ["image,map,red,bright,split"]
    for index in range(140):
        pixels = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        mask = np.zeros((40, 40), dtype=np.uint8)
        y, x = random.integers(0, 25, 2)
        mask[y : y + 15, x : x + 15] = 255
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(mask).save(folder / f"{index}-map.png")
        split = "validation" if index < 100 else ("train", "test")[index % 4 > 1]
        region = "" if index in (3, 103, 104) else f"{index}-map.png"
        rows.append(f"{index}.png,{region},{index % 2},{int(index % 3 == 0)},{split}")
    (folder / "products.csv").write_text("\n".join(rows) + "\n")
    return folder / "products.csv"


def configure(table: Path, size: int = 32, **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": size},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "optimizer": {"learning_rate": 3e-3},
        "epochs": 2,
        "batch_size": 10,
    }
    return build_config(base | fields, "test")


def write_run(config: TrainingConfig, folder: Path) -> None:
    """A run's folder with drawn weights in place of trained ones, none of them zero."""
    folder.mkdir()
    dataset = load_dataset(config.data)
    torch.manual_seed(0)
    network = build_network(
        config, len(dataset.labels), len(dataset.regions), dataset.has_indicator
    )
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    calibration = Calibration(1.7, (0.4, 0.6), ())
    header = ModelHeader(
        config, dataset.labels, dataset.regions, dataset.has_indicator, calibration
    )
    save_model(network, header, folder / "model.safetensors")
    (folder / "summary.json").touch()


def assert_equal(run: Path, file: Path, config: TrainingConfig, batches: tuple[int, ...]) -> None:
    """Batches of validation images: logits as torch's, and the probabilities that follow."""
    predictor = load_predictor(run)
    split = load_dataset(config.data).splits["validation"]
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    start = 0
    for count in batches:
        rows = np.arange(start, start + count)
        images, masks, known = split.images[rows], split.maps[rows], split.map_known[rows]
        feed = {"images": images.transpose(0, 3, 1, 2).astype(np.float32) / 255}
        if "maps" in names:
            told = np.ones((count, 1, *masks.shape[2:])) * known[:, None, None, None]
            feed["maps"] = np.concatenate([masks / 255, told], axis=1).astype(np.float32)
        logits, sure = session.run(["logits", "probabilities"], feed)
        expected = predictor.score(tuple(map(str, rows)), images, masks, known)
        np.testing.assert_allclose(logits, expected, atol=1e-4)
        temperature = predictor.header.calibration.temperature
        np.testing.assert_allclose(sure, expit(expected / temperature), atol=1e-4)
        start += count


@pytest.mark.parametrize(
    ("fields", "inputs"),
    [
        ({"embedding": {"placement": "input+stage1+stage3+head"}, "head": {"kind": "query"},
          "attention": {"kind": "se"}}, ("images", "maps")),
        ({"backbone": {"name": "test_vit", "pretrained": False}, "head": {"kind": "attention"},
          "embedding": {"placement": "stage1", "fusion": "cross_attention"}}, ("images", "maps")),
        pytest.param({"embedding": {"placement": "stage2"}, "head": {"kind": "gem"},
          "semantic_map": {"control": "constant"}}, ("images",), marks=pytest.mark.slow),
        ({"embedding": {"placement": "crop"}}, ("images", "maps")),
        pytest.param({"embedding": {"placement": "mask-image"}}, ("images", "maps"),
                     marks=pytest.mark.slow),
        pytest.param({"embedding": {"placement": "stage3"},
                      "semantic_map": {"source": "auxiliary"}}, ("images",),
                     marks=pytest.mark.slow),
    ],
    ids=["resnet-query", "vit-attention", "constant-gem", "crop", "mask-image", "auxiliary"],
)  # fmt: skip
def test_logits_equal_torchs(
    hundred: Path, tmp_path: Path, fields: dict[str, object], inputs: tuple[str, ...]
) -> None:
    config = configure(hundred, **fields)
    write_run(config, tmp_path / "run")
    exported = export_onnx(tmp_path / "run", tmp_path / "run.onnx")
    assert exported.inputs == inputs
    assert exported.images == 100
    assert exported.largest_difference <= 1e-4
    assert_equal(tmp_path / "run", tmp_path / "run.onnx", config, (1, 5, 94))


@pytest.mark.slow
def test_the_segmenter_is_part_of_the_file(hundred: Path, tmp_path: Path) -> None:
    segmenter = SegmenterConfig(
        architecture="fpn", encoder="test_resnet", pretrained=False, epochs=1, batch_size=8
    )
    # Maps are predicted at 40 px, of images of 32.
    train_segmenter(configure(hundred, 40).data, segmenter, tmp_path / "segmenter")
    predicted = {"source": "predicted", "segmenter": str(tmp_path / "segmenter")}
    config = configure(hundred, embedding={"placement": "input"}, semantic_map=predicted)
    write_run(config, tmp_path / "run")
    copy_segmenter(tmp_path / "segmenter", tmp_path / "run" / "segmenter")
    exported = export_onnx(tmp_path / "run", tmp_path / "run.onnx")
    assert exported.inputs == ("images",)
    assert_equal(tmp_path / "run", tmp_path / "run.onnx", config, (1, 5, 94))


def test_the_file_tells_what_a_reader_must_know(hundred: Path, tmp_path: Path) -> None:
    summary = train_run(configure(hundred), tmp_path / "run")
    export_onnx(tmp_path / "run", tmp_path / "run.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "run.onnx"))
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["labels"]) == ["red", "bright"]
    expected = [score.threshold for score in summary.label_scores.values()]
    assert json.loads(told["thresholds"]) == expected
    assert json.loads(told["temperature"]) == summary.temperature
    assert json.loads(told["image_size"]) == 32
    assert told["map_source"] == "none"
    assert [each.shape[1:] for each in session.get_inputs()] == [[3, 32, 32]]


def test_what_differs_too_much_is_not_written(hundred: Path, tmp_path: Path) -> None:
    write_run(configure(hundred, embedding={"placement": "stage2"}), tmp_path / "run")
    with pytest.raises(UserError, match=r"run.onnx: not written: its logits differ .* 100 images"):
        export_onnx(tmp_path / "run", tmp_path / "run.onnx", tolerance=0.0)
    assert not list(tmp_path.glob("*.onnx"))
    assert not list(tmp_path.glob(".sedn*"))
