"""Configurations keep their names, and networks the names of their weights, from version to
version: stores, checkpoints and models of earlier versions are found and read by them.
"""

import hashlib
from typing import Any

import pytest
import torch

from sedn.config import build_config, config_hash
from sedn.network import build_network, canonical_config

SMALL: dict[str, Any] = {
    "backbone": {"name": "test_resnet", "pretrained": False},
    "data": {"image_size": 48},
}
VIT: dict[str, Any] = SMALL | {"backbone": {"name": "test_vit", "pretrained": False}}

CASES: list[tuple[dict[str, Any], str, str, str]] = [
    (
        SMALL | {
            "embedding": {"placement": "stem+last2", "fusion": "gate", "width": 8},
            "attention": {"kind": "cbam", "reduction_ratio": 4},
            "loss": {"kind": "focal", "gamma": 1.5},
        },
        "414a082a84e3c28a", "fe3218370dcfe567", "f887c62991260f08",
    ),
    (
        SMALL | {
            "embedding": {"placement": "all", "fusion": "cross_attention", "width": 8},
            "attention": {"kind": "eca", "reduction_ratio": 4},
            "head": {"kind": "query"},
            "loss": {"kind": "asl", "clip": 0.1},
        },
        "707f55feeb6ffc6f", "be6caff5ac8821b0", "a0b51953776c5381",
    ),
    (
        VIT | {
            "embedding": {"placement": "stage2+head", "fusion": "concat"},
            "head": {"kind": "attention"},
            "semantic_map": {"control": "constant"},
            "loss": {"pos_weight": "sqrt"},
        },
        "64cd05f93864c34c", "64cd05f93864c34c", "a39f5ff65a811a58",
    ),
    (
        SMALL | {
            "embedding": {"placement": "last2", "fusion": "none", "width": 40},
            "attention": {"kind": "ge"},
            "head": {"kind": "gem"},
        },
        "e8031106fd2dfa12", "ddf0ccdac29d7d51", "0797b84be56cca33",
    ),
    (
        SMALL | {
            "embedding": {"placement": "input+stage3", "fusion": "add"},
            "attention": {"kind": "coord", "reduction_ratio": 40},
            "semantic_map": {"source": "given", "noise": 0.2},
        },
        "c89454c5cd9463dc", "b225b7bf8f2486d8", "e27b55b888074709",
    ),
    (
        SMALL | {
            "embedding": {"placement": "last2+head"},
            "attention": {"kind": "se"},
            "semantic_map": {"source": "auxiliary", "auxiliary_weight": 0.5},
        },
        "01ebc3d2d519ea86", "6b7cdca9d574421a", "972a789b17b79c32",
    ),
    (
        SMALL | {"embedding": {"placement": "crop", "fusion": "gate"}, "loss": {"gamma": 7.0}},
        "e1222d3ddcba2254", "e1222d3ddcba2254", "a1beff1bc0f07b33",
    ),
    (
        SMALL | {"embedding": {"placement": "stage1+head", "fusion": "none", "width": 40}},
        "1db38e2e4acd6964", "1db38e2e4acd6964", "b18916f37215ac68",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "name", "canonical", "weights"), CASES)
def test_an_earlier_configuration_keeps_its_names(
    fields: dict[str, Any], name: str, canonical: str, weights: str
) -> None:
    config = build_config(fields, "x")
    assert config_hash(config) == name
    assert config_hash(canonical_config(config)) == canonical
    with torch.device("meta"):
        state = build_network(config, 3, 2).state_dict()
    shapes = "\n".join(f"{key} {tuple(value.shape)}" for key, value in state.items())
    assert hashlib.sha256(shapes.encode()).hexdigest()[:16] == weights


def test_the_defaults_and_predicted_maps_keep_their_names() -> None:
    predicted = {"source": "predicted", "segmenter": "/seg", "dropout": 0.1}
    fields = {"embedding": {"placement": "stage4"}, "semantic_map": predicted}
    assert config_hash(build_config({}, "x")) == "a94fbce5d0366cf3"
    assert config_hash(build_config(fields, "x")) == "1fed2206b03e648a"
