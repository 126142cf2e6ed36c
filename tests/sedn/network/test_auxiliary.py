import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from sedn.config import (
    AttentionConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    HeadConfig,
    MapConfig,
    TrainingConfig,
)
from sedn.errors import UserError
from sedn.network import SemanticNetwork, build_network, check_network
from sedn.network.auxiliary import auxiliary_place
from sedn.network.places import find_places
from sedn.training.optimization.losses import segmentation_loss

LABELS, REGIONS = 3, 2
SIZES = {"test_resnet": 64, "swin_tiny_patch4_window7_224": 64, "test_vit": 160}


def configure(
    backbone: str = "test_resnet", placement: str = "last2", **more: Any
) -> TrainingConfig:
    return TrainingConfig(
        data=DataConfig(image_size=SIZES[backbone]),
        backbone=BackboneConfig(name=backbone, pretrained=False),
        embedding=EmbeddingConfig(placement=placement, fusion=more.pop("fusion", "add"), width=8),
        semantic_map=MapConfig(source="auxiliary", **more.pop("semantic_map", {})),
        **more,
    )


def build(config: TrainingConfig, has_indicator: bool = False) -> SemanticNetwork:
    torch.manual_seed(0)
    return build_network(config, LABELS, REGIONS, has_indicator)


def draw(size: int) -> tuple[Tensor, Tensor]:
    """Images with a bright square, and the maps of it."""
    torch.manual_seed(1)
    images = 0.3 * torch.randn(6, 3, size, size)
    maps = torch.zeros(6, REGIONS, size, size)
    for index in range(6):
        corner = size // 8 * index // 2
        square = slice(corner, corner + size // 2)
        images[index, :, square, square] += 2
        maps[index, index % REGIONS, square, square] = 1
    return images, maps


@pytest.mark.parametrize("backbone", SIZES)
def test_begins_as_the_plain_backbone_without_maps(backbone: str) -> None:
    network = build(configure(backbone)).eval()
    images, maps = draw(SIZES[backbone])
    with torch.inference_mode():
        outputs = network.outputs(images)
        torch.testing.assert_close(outputs.logits, network.backbone(images), atol=1e-5, rtol=1e-5)
        assert torch.equal(network(images, maps), outputs.logits)
    assert outputs.region_logits is not None
    assert outputs.region_logits.shape[:2] == (6, REGIONS)
    assert outputs.region_logits.shape[2] == SIZES[backbone] // (16 if "vit" in backbone else 8)


@pytest.mark.parametrize("backbone", SIZES)
def test_the_segmentation_loss_trains_the_map(backbone: str) -> None:
    network = build(configure(backbone)).train()
    images, maps = draw(SIZES[backbone])
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        region_logits = network.outputs(images).region_logits
        assert region_logits is not None
        loss = segmentation_loss(region_logits, maps, torch.ones(6, dtype=torch.bool))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_every_parameter_learns_from_both_losses() -> None:
    network = build(configure(placement="last2+head")).train()
    images, maps = draw(64)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        outputs = network.outputs(images)
        assert outputs.region_logits is not None
        loss = segmentation_loss(outputs.region_logits, maps, torch.ones(6, dtype=torch.bool))
        optimizer.zero_grad()
        (loss + outputs.logits.square().mean()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if not name.startswith("backbone."):
            assert parameter.grad.abs().max() > 0, name


def test_the_labels_do_not_shape_the_map() -> None:
    network = build(configure()).train()
    network(draw(64)[0]).square().mean().backward()
    assert network.auxiliary is not None
    assert all(parameter.grad is None for parameter in network.auxiliary.parameters())


def test_the_predicted_map_is_what_is_embedded() -> None:
    network = build(configure(placement="stage4")).eval()
    images, _ = draw(64)
    assert network.auxiliary is not None
    last = network.auxiliary.segment[-1]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        for parameter in network.embeddings.parameters():
            parameter.add_(0.1)
        before = network(images)
        last.bias.add_(3.0)
        assert not torch.allclose(network(images), before)


def test_takes_no_channel_that_says_a_map_is_known() -> None:
    shapes = [
        {name: value.shape for name, value in build(configure(), known).state_dict().items()}
        for known in (False, True)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("backbone", "size", "stage"),
    [
        ("test_resnet", 64, "stage2"),  # stride 8
        ("test_vit", 160, "stage2"),  # stride 16, half-way
        ("xcit_nano_12_p8_224", 64, "stage2"),  # stride 8 from first to last
        ("nest_tiny", 64, "stage2"),  # without a stem
        ("levit_128s", 64, "stage3"),  # its first, stride 16
    ],
)
def test_predicts_where_regions_are_still_told_apart(backbone: str, size: int, stage: str) -> None:
    name = BackboneConfig(name=backbone, pretrained=False)
    config = configure(placement="head").model_copy(
        update={"backbone": name, "data": DataConfig(image_size=size)}
    )
    assert auxiliary_place(config) == find_places(name, size)[stage]


@pytest.mark.parametrize("backbone", SIZES)
def test_another_head_reads_what_the_map_was_embedded_in(backbone: str) -> None:
    config = configure(backbone, head=HeadConfig(kind="query"))
    assert build(config)(draw(SIZES[backbone])[0]).shape == (6, LABELS)


@pytest.mark.parametrize(
    ("placement", "early"),
    [("input+stage4", "input"), ("stage1", "stage1"), ("stage2+head", "stage2"), ("all", "stage1")],
)
def test_refuses_a_place_before_the_map_is_predicted(placement: str, early: str) -> None:
    with pytest.raises(UserError) as refusal:
        check_network(configure(placement=placement))
    assert str(refusal.value) == (
        f"embedding.placement: '{early}' does not come after stage2, which predicts the map of "
        "semantic_map.source 'auxiliary'; possible are stage3, stage4, last2, head"
    )


@pytest.mark.parametrize("placement", ["mask-image", "crop"])
def test_refuses_the_map_on_the_image(placement: str) -> None:
    with pytest.raises(UserError, match=rf"^embedding.placement: '{placement}' does not .*head$"):
        build(configure(placement=placement))


def test_attention_alone_may_come_before() -> None:
    check_network(
        configure(placement="stage1+head", fusion="none", attention=AttentionConfig(kind="se"))
    )


def test_refuses_to_shuffle_what_it_predicts() -> None:
    with pytest.raises(UserError, match=r"^semantic_map.control: 'shuffled' needs maps .*$"):
        check_network(configure(semantic_map={"control": "shuffled"}))


def test_arms_of_one_seed_begin_with_one_backbone_and_can_be_copied() -> None:
    network = build(configure(placement="last2+head", head=HeadConfig(kind="query"))).eval()
    plain = build(configure(placement="none", semantic_map={}))
    backbone = plain.backbone.state_dict()
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, backbone[name]), name
    images, _ = draw(64)
    assert torch.equal(copy.deepcopy(network)(images), network(images))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(images).shape == (6, LABELS)
