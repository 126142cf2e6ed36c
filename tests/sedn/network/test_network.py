import copy
import pickle
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from sedn.config import (
    AttentionConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    TrainingConfig,
)
from sedn.network import SemanticNetwork, build_network
from sedn.network.attention import create_attention
from sedn.network.embedding import create_embedding
from sedn.network.features import Place
from sedn.network.stage import Stage
from sedn.registry import ATTENTIONS, FUSIONS

LABELS, REGIONS, SIZE = 5, 2, 64

FAMILIES = [
    "test_resnet",
    "resnet10t",
    "test_efficientnet",
    "test_convnext",
    "test_nfnet",
    "test_byobnet",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small",
    "regnetx_002",
    "tf_efficientnetv2_b0",
    "repvgg_a0",
    "densenet121",
    "lcnet_035",
    "dla34",
    "ghostnet_100",
    "fastvit_t8",
    "efficientvit_b0",
    "pvt_v2_b0",
    "swin_tiny_patch4_window7_224",
    "test_vit",
]
SEEING = [name for name in FUSIONS.names() if FUSIONS.find(name).sees_map]
KINDS = ATTENTIONS.names()
REDUCING = [kind for kind in KINDS if ATTENTIONS.find(kind).inner_width]
CASES = [
    (family, placement, SEEING[i % len(SEEING)], KINDS[(3 * i + j) % len(KINDS)])
    for i, family in enumerate(FAMILIES)
    for j, placement in enumerate(["stage2", "input+all"])
    # The larger ones take most of the time, and have stage2 among all.
    if placement == "input+all" or family.startswith("test_")
] + [
    ("test_resnet", placement, fusion, attention)
    for placement in ["stem+last2"]
    for fusion in SEEING
    for attention in KINDS
]


def configure(
    backbone: str = "test_resnet",
    placement: str = "stage2",
    fusion: Any = "scale_shift",
    attention: Any = "none",
    **more: Any,
) -> TrainingConfig:
    return TrainingConfig(
        data=DataConfig(image_size=more.pop("image_size", SIZE)),
        backbone=BackboneConfig(name=backbone, pretrained=False, **more),
        embedding=EmbeddingConfig(placement=placement, fusion=fusion, width=8),
        attention=AttentionConfig(kind=attention, reduction_ratio=4),
    )


def inputs(batch: int = 4, size: int = SIZE, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, 3, size, size, generator=generator)
    return images, torch.rand(batch, REGIONS, size, size, generator=generator)


def build(config: TrainingConfig, seed: int = 0) -> SemanticNetwork:
    torch.manual_seed(seed)
    return build_network(config, LABELS, REGIONS)


def train_steps(network: nn.Module, steps: int) -> None:
    """Plain steps down a loss, leaving the gradients of one more pass."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    images, maps = inputs(seed=1)
    targets = torch.eye(LABELS)[:4]
    network.train()
    for step in range(steps + 1):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(images, maps), targets).backward()
        if step < steps:
            optimizer.step()


@pytest.mark.parametrize(("backbone", "placement", "fusion", "attention"), CASES)
def test_begins_as_the_plain_backbone_and_learns_everywhere(
    backbone: str, placement: str, fusion: str, attention: str
) -> None:
    network = build(configure(backbone, placement, fusion, attention))
    images, maps = inputs()
    network.eval()
    with torch.inference_mode():
        plain = network.backbone(images)
        embedded = network(images, maps)
    assert embedded.shape == (4, LABELS)
    if FUSIONS.find(fusion).starts_plain:
        torch.testing.assert_close(embedded, plain, atol=1e-5, rtol=1e-5)
    else:
        assert not torch.equal(embedded, plain)

    # timm begins the addition of "gca" at zero too, so its first layers wait one step more.
    train_steps(network, 2 if attention == "gca" else 1)
    for name, parameter in network.embeddings.named_parameters():
        if name.endswith("conv_attn.bias"):
            continue  # added to every pixel before a softmax over pixels: without effect
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
    network.eval()
    with torch.inference_mode():
        assert not torch.equal(network(images, maps), network(images, 1 - maps))


@pytest.mark.parametrize("kind", REDUCING)
def test_inner_width_is_that_of_the_module_which_timm_builds(kind: Any) -> None:
    inner_width = ATTENTIONS.find(kind).inner_width
    assert inner_width is not None
    for channels in [8, 20, 24, 40, 64, 88, 112, 232, 368, 768, 1040, 2048]:
        for ratio in [1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 32, 100, 256]:
            with torch.device("meta"):
                config = AttentionConfig(kind=kind, reduction_ratio=ratio)
                module = create_attention(config, channels)
            (first,) = [
                parameter
                for name, parameter in module.named_parameters()
                if name.endswith(("fc1.weight", "conv1.weight"))
            ]
            assert inner_width(channels, ratio) == len(first), (channels, ratio)


def test_ratios_of_no_effect_have_no_inner_width() -> None:
    kinds = ("none", "eca", "ese", "ge", "ela")
    assert {ATTENTIONS.find(kind).inner_width for kind in kinds} == {None}


def test_the_focus_leaves_out_what_is_outside_of_the_map_and_learns_how_much() -> None:
    fusion = create_embedding("focus", 1, 8, 4)
    x, maps = torch.randn(2, 4, 6, 6), torch.zeros(2, 1, 12, 12)
    maps[:, :, :6] = 1
    got = fusion(x, maps)
    assert torch.equal(got[:, :, :3], x[:, :, :3])
    torch.testing.assert_close(got[:, :, 3:], x[:, :, 3:] / 4)
    # In a backbone under a map of ones the network is the plain one.
    network = build(configure("test_resnet", "stem+last2", "focus", "se")).eval()
    images, _ = inputs()
    with torch.inference_mode():
        whole = network(images, torch.ones(4, REGIONS, SIZE, SIZE))
        torch.testing.assert_close(whole, network.backbone(images), atol=1e-5, rtol=1e-5)
    # Each channel has a factor of its own to learn.
    fusion(x, maps).square().sum().backward()
    assert fusion.factors.weight.grad is not None
    assert len(fusion.factors.weight.grad.unique()) == 4


def test_without_fusion_the_attention_alone_acts() -> None:
    network = build(configure(placement="last2", fusion="none", attention="se"))
    train_steps(network, 2)
    network.eval()
    images, maps = inputs()
    with torch.inference_mode():
        logits = network(images, maps)
        assert torch.equal(logits, network(images, 1 - maps))
        assert not torch.equal(logits, network.backbone(images))


@pytest.mark.parametrize("fusion", SEEING)
@pytest.mark.parametrize("layout", ["NHWC", "tokens", "shuffled tokens", "second of two"])
def test_a_stage_computes_the_same_in_every_layout(layout: str, fusion: str) -> None:
    config = configure(fusion=fusion, attention="se")
    torch.manual_seed(0)
    plain = Stage(config, Place("", 16), REGIONS)
    for parameter in plain.parameters():
        nn.init.normal_(parameter, std=0.3)
    x, (_, maps) = torch.randn(4, 16, 6, 6), inputs()
    wanted = plain(x, maps)
    order = tuple(torch.randperm(36).tolist())
    tokens = x.flatten(2).transpose(1, 2)
    shuffled = torch.empty_like(tokens).index_copy_(1, torch.tensor(order), tokens)
    prefix = torch.randn(4, 3, 16)
    place, given = {
        "NHWC": (Place("", 16, "NHWC"), x.permute(0, 2, 3, 1)),
        "tokens": (Place("", 16, "tokens", 3, (6, 6)), torch.cat([prefix, tokens], 1)),
        "shuffled tokens": (Place("", 16, "tokens", 0, (6, 6), order), shuffled),
        "second of two": (Place("", 16, element=1), (prefix, x)),
    }[layout]
    stage = Stage(config, place, REGIONS)
    stage.load_state_dict(plain.state_dict())
    got = stage(given, maps)
    if layout == "NHWC":
        got = got.permute(0, 3, 1, 2)
    elif layout == "tokens":
        assert torch.equal(got[:, :3], prefix)
        got = got[:, 3:].transpose(1, 2).unflatten(2, (6, 6))
    elif layout == "shuffled tokens":
        got = got[:, order].transpose(1, 2).unflatten(2, (6, 6))
    else:
        assert isinstance(got, tuple)
        assert got[0] is prefix
        got = got[1]
    assert not torch.allclose(wanted, x, atol=0.1)
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_further_input_channels_are_what_a_wider_first_convolution_computes() -> None:
    network = build(configure("tf_efficientnetv2_b0", "input")).eval()
    added = network.embeddings["input"].last.weight
    nn.init.normal_(added, std=0.1)
    wider = timm.create_model(
        "tf_efficientnetv2_b0", num_classes=LABELS, in_chans=3 + REGIONS
    ).eval()
    state = network.backbone.state_dict()
    state["conv_stem.weight"] = torch.cat([state["conv_stem.weight"], added.detach()], dim=1)
    wider.load_state_dict(state)
    images, maps = inputs(size=65)
    with torch.inference_mode():
        together = wider(torch.cat([images, maps], dim=1))
        torch.testing.assert_close(network(images, maps), together, atol=1e-4, rtol=1e-4)


def test_backbone_keeps_its_own_weight_names() -> None:
    network = build(configure("resnet10t", "input+stem+all", attention="se"))
    names = {name.removeprefix("backbone.") for name in network.state_dict()}
    own = timm.create_model("resnet10t", num_classes=LABELS).state_dict().keys()
    assert own <= names
    assert all(name.startswith("embeddings.") for name in names - own)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_is_whole_and_apart(copier: Any) -> None:
    network = build(configure("test_resnet", "input+last2", "concat", "cbam"))
    train_steps(network, 2)
    network.eval()
    twin = copier(network)
    images, maps = inputs()
    with torch.inference_mode():
        before = network(images, maps)
        assert torch.equal(twin(images, maps), before)
        for parameter in twin.embeddings.parameters():
            parameter.zero_()
        assert torch.equal(network(images, maps), before)
        assert not torch.equal(twin(images, maps), before)


def test_loaded_weights_give_the_same_logits() -> None:
    config = configure("test_efficientnet", "stem+stage3", "gate", "se")
    network = build(config)
    train_steps(network, 2)
    other = build(config, seed=9)
    other.load_state_dict(network.state_dict())
    images, maps = inputs()
    with torch.inference_mode():
        assert torch.equal(other.eval()(images, maps), network.eval()(images, maps))


def test_no_hook_is_left_behind_even_after_an_error() -> None:
    network = build(configure("test_resnet", "input+all"))
    images, maps = inputs()
    network(images, maps)
    with pytest.raises(RuntimeError):
        network(images, maps[:, :1])
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("size", [48, 63, 96, 129])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_convnext", "tf_efficientnetv2_b0"])
def test_takes_images_of_any_size_and_maps_of_another(backbone: str, size: int) -> None:
    network = build(configure(backbone, "input+all")).eval()
    images, _ = inputs(2, size)
    _, maps = inputs(2, 40)
    with torch.inference_mode():
        torch.testing.assert_close(network(images, maps), network.backbone(images))


def test_uniform_maps_act_by_their_value_not_their_size() -> None:
    network = build(configure("test_resnet", "all", "scale_shift"))
    train_steps(network, 2)
    images, _ = inputs(2)
    with torch.inference_mode():
        small = network.eval()(images, torch.full((2, REGIONS, 16, 16), 0.5))
        large = network(images, torch.full((2, REGIONS, SIZE, SIZE), 0.5))
    torch.testing.assert_close(small, large)


def test_plain_network_ignores_the_map() -> None:
    network = build(configure(placement="none")).eval()
    images, maps = inputs()
    assert len(network.embeddings) == 0
    assert torch.equal(network(images, maps), network(images, 1 - maps))


def test_parameter_count_is_backbone_plus_embeddings() -> None:
    plain = build(configure(placement="none"))
    network = build(configure(placement="stage1", fusion="add"))
    width, channels = 8, 32
    added = (REGIONS * 9 * width + width) + (width * channels + channels)
    assert network.parameter_count == plain.parameter_count + added


@pytest.mark.parametrize("placement", ["input", "stage2", "head", "crop"])
def test_says_that_maps_are_missing(placement: str) -> None:
    network = build(configure(placement=placement))
    with pytest.raises(ValueError, match="takes maps"):
        network(inputs()[0])


def test_drop_path_acts_in_training_only() -> None:
    network = build(configure("test_convnext", "stage2", drop_path=0.5))
    images, maps = inputs()
    network.train()
    assert not torch.equal(network(images, maps), network(images, maps))
    network.eval()
    assert torch.equal(network(images, maps), network(images, maps))
