"""Every optimiser of timm's takes a step, and each part of a network has its own rate."""

from copy import deepcopy

import pytest
import torch
from timm.optim import get_optimizer_info, list_optimizers

from sedn.config import OptimizerConfig, TrainingConfig, build_config
from sedn.errors import UserError
from sedn.network import SemanticNetwork, build_network, canonical_config
from sedn.registry import ATTENTIONS, HEADS
from sedn.training.optimization.optimizer import check_optimizer, create_optimizer, parameter_groups

# apex and bitsandbytes are no dependencies of this project, and kron compiles for minutes.
UNTRIED = ("fused", "bnb", "kron")
SERVED = [
    name
    for name in list_optimizers()
    if not name.startswith(UNTRIED) and not get_optimizer_info(name).second_order
]


def network_of(**fields: object) -> SemanticNetwork:
    torch.manual_seed(0)
    base = {
        "data": {"image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "input+stage1+head", "width": 4},
        "attention": {"kind": "se"},
    }
    return build_network(build_config(base | fields, "test"), 3, 2)


def scales(network: SemanticNetwork, **options: float) -> dict[str, float]:
    """The ``lr_scale`` of each parameter by name."""
    groups = parameter_groups(network, OptimizerConfig.model_validate(options))
    by_id = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    assert len(by_id) == sum(len(group["params"]) for group in groups), "each one once"
    return {name: by_id[id(p)] for name, p in network.named_parameters()}


@pytest.mark.parametrize("name", [*SERVED, "lookahead_adamw"])
def test_every_optimizer_steps_and_goes_on_from_its_state(name: str) -> None:
    config = OptimizerConfig(name=name, learning_rate=1e-3)
    images, maps = torch.rand(4, 3, 32, 32), torch.rand(4, 2, 32, 32)

    def step(network: SemanticNetwork, optimizer: torch.optim.Optimizer) -> None:
        torch.manual_seed(1)
        optimizer.zero_grad()
        network(images, maps).square().mean().backward()
        optimizer.step()

    def start() -> tuple[SemanticNetwork, torch.optim.Optimizer]:
        network = network_of()
        return network, create_optimizer(network, config)

    network, optimizer = start()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    step(network, optimizer)
    changed = [key for key, v in network.state_dict().items() if not torch.equal(before[key], v)]
    assert changed
    again, other = start()
    again.load_state_dict(network.state_dict())
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    step(network, optimizer)
    step(again, other)
    pairs = zip(network.parameters(), again.parameters(), strict=True)
    assert [one.shape for one, two in pairs if not torch.equal(one, two)] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("adamv", "did you mean 'adam"),
        ("adahessian", "gradients of gradients"),
        ("fusedadam", "cannot be had here"),
    ],
)
def test_an_optimizer_that_cannot_be_had_is_refused(name: str, said: str) -> None:
    with pytest.raises(UserError, match=f"optimizer '{name}'.*{said}"):
        check_optimizer(name)


def test_a_value_that_an_optimizer_does_not_take_is_named() -> None:
    config = OptimizerConfig(name="sgd", momentum=0.0)
    with pytest.raises(UserError, match="optimizer 'sgd': Nesterov momentum requires a momentum"):
        create_optimizer(network_of(), config)


@pytest.mark.parametrize("head", HEADS.names())
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "test_convnext"])
def test_each_part_has_its_rate(backbone: str, head: str) -> None:
    size = 160 if backbone == "test_vit" else 64
    network = network_of(
        data={"image_size": size},
        backbone={"name": backbone, "pretrained": False},
        head={"kind": head},
        embedding={"placement": "stage2+head", "width": 4},
    )
    found = scales(network, embedding_rate=10.0, head_rate=5.0)
    own = "head." if head != "average" else ("backbone.fc.", "backbone.head.fc", "backbone.head.")
    for name, scale in found.items():
        if name.startswith("embeddings."):
            assert scale == 10.0, name
        elif scale == 5.0:
            assert name.startswith(own), name
        else:
            assert scale == 1.0
    assert 5.0 in found.values()


def test_layers_decay_towards_the_image() -> None:
    network = network_of(
        data={"image_size": 160},
        backbone={"name": "test_vit", "pretrained": False},
        embedding={"placement": "stage2"},
    )
    found = scales(network, layer_decay=0.5)
    first, last = found["backbone.blocks.0.mlp.fc1.weight"], found["backbone.norm.weight"]
    assert found["backbone.patch_embed.proj.weight"] < first < last <= 1.0
    assert found["backbone.head.weight"] == 1.0


def test_biases_norms_and_what_the_backbone_says_are_not_decayed() -> None:
    network = network_of(
        data={"image_size": 160},
        backbone={"name": "test_vit", "pretrained": False},
        embedding={"placement": "stage2"},
    )
    groups = parameter_groups(network, OptimizerConfig(weight_decay=0.1))
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    by_name = {name: decay[id(p)] for name, p in network.named_parameters()}
    assert by_name["backbone.pos_embed"] == 0
    assert by_name["backbone.blocks.0.mlp.fc1.bias"] == 0
    assert by_name["backbone.blocks.0.mlp.fc1.weight"] == 0.1
    assert all(by_name[n] == 0 for n, p in network.named_parameters() if p.ndim == 1)


UNDECAYED = {"gain", "queries", "latent", "position"}
"""Factors and inputs, in what is added to the backbone, that have the shape of a weight."""


@pytest.mark.parametrize("head", HEADS.names())
@pytest.mark.parametrize("kind", ATTENTIONS.names())
@pytest.mark.parametrize("fusion", ["scale_shift", "cross_attention"])
def test_matrices_and_kernels_alone_are_decayed(head: str, kind: str, fusion: str) -> None:
    network = network_of(
        head={"kind": head},
        embedding={"placement": "input+stage1+head", "width": 4, "fusion": fusion},
        attention={"kind": kind},
    )
    groups = parameter_groups(network, OptimizerConfig(weight_decay=0.1))
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    names = {name.rpartition(".")[2]: p for name, p in network.named_parameters()}
    for name, parameter in network.named_parameters():
        own = name.rpartition(".")[2]
        is_weight = parameter.ndim > 1 and own not in UNDECAYED
        assert (id(parameter) in decayed) == is_weight, name
        # What else is more than a vector has the name of a matrix or a kernel.
        assert not is_weight or own.endswith("weight"), name
    assert "gain" in names or kind == "none"
    assert "position" in names or fusion != "cross_attention"


def test_what_an_optimizer_has_not_does_not_tell_configurations_apart() -> None:
    def canonical(name: str, momentum: float) -> TrainingConfig:
        optimizer = {"name": name, "momentum": momentum}
        return canonical_config(build_config({"optimizer": optimizer}, "test"))

    assert canonical("adamw", 0.5) == canonical("adamw", 0.8)
    assert canonical("sgd", 0.5) != canonical("sgd", 0.8)
