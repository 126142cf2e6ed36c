"""Weights that are not those that were written are never used."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sedn.config import build_config
from sedn.errors import UserError
from sedn.prediction.predictor import load_predictor
from sedn.run.model_file import MODEL
from sedn.run.train import train_run
from sedn.weights import read_weights, weights_checksum


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_of_a_weight_goes_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    weights = {
        "scale": torch.tensor(2.5),
        "half": torch.randn(3, 2, dtype=torch.bfloat16),
        "steps": torch.arange(4),
        "empty": torch.zeros(0, 3),
    }
    content = bytearray(safetensors.torch.save(weights))
    checksum = weights_checksum(weights)
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    path.write_bytes(content)
    again = read_weights(path, checksum)
    assert all(torch.equal(again[name], value) for name, value in weights.items())
    tensors = sum(value.nbytes for value in weights.values())
    place = len(content) - 1 - data.draw(st.integers(0, tensors - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(UserError, match="the file is damaged"):
        read_weights(path, checksum)


@pytest.mark.parametrize("part", ["weights", "header"])
def test_a_damaged_model_predicts_nothing(table: Path, tmp_path: Path, part: str) -> None:
    fields = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 1,
        "batch_size": 27,
    }
    train_run(build_config(fields, "test"), tmp_path / "run")
    load_predictor(tmp_path / "run")
    model = tmp_path / "run" / MODEL
    content = model.read_bytes()
    if part == "weights":
        model.write_bytes(content[:-400] + bytes(byte ^ 0xFF for byte in content[-400:]))
    else:
        # As many bytes as before, and JSON as before: another label.
        assert content.count(b'\\"red\\"') >= 1
        model.write_bytes(content.replace(b'\\"red\\"', b'\\"rod\\"'))
    with pytest.raises(UserError, match=r"model.safetensors: the file is damaged"):
        load_predictor(tmp_path / "run")
