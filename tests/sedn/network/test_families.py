"""Every family of models that timm has: the embedding in the smallest member of each."""

import re
from pathlib import Path

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
from sedn.network import build_network
from sedn.network.backbone import create_backbone
from sedn.network.layout import feature_map
from sedn.network.places import find_places
from sedn.registry import FUSIONS

LABELS, REGIONS = 3, 2
LIST = Path(__file__).parents[3] / "docs" / "backbones.md"
SEEING = [name for name in FUSIONS.names() if FUSIONS.find(name).sees_map]

# Model and the side of the images, in pixels: the smallest that the model takes.
SERVED = {
    "test_byobnet": 32,
    "cait_xxs24_224": 32,
    "coat_tiny": 64,
    "convit_tiny": 32,
    "convmixer_768_32": 32,
    "test_convnext": 32,
    "cpubone_nano": 32,
    "crossvit_tiny_240": 120,
    "csatv2": 64,
    "cs3darknet_focus_s": 32,
    "cspnext_tiny": 32,
    "davit_tiny": 32,
    "deit_tiny_patch16_224": 32,
    "densenet121": 32,
    "dla46x_c": 32,
    "dpn48b": 32,
    "edgenext_xx_small": 32,
    "efficientformer_l1": 224,
    "efficientformerv2_s0": 32,
    "test_efficientnet": 32,
    "efficientvit_b0": 32,
    "efficientvit_m0": 32,
    "vit_tiny_patch16_dinov3_qkvb": 32,
    "fasternet_t0": 32,
    "fastvit_t8": 32,
    "focalnet_tiny_srf": 32,
    "gcvit_xxtiny": 32,
    "ghostnet_050": 32,
    "hardcorenas_b": 32,
    "hgnetv2_b0": 32,
    "hiera_tiny_224": 64,
    "sam2_hiera_tiny": 64,
    "hrnet_w18_small": 32,
    "iformer_t": 32,
    "inception_next_atto": 32,
    "inception_v3": 96,
    "lcnetv2_small": 32,
    "levit_128s": 64,
    "lowformer_b0": 32,
    "test_mambaout": 32,
    "test_coatnet": 32,
    "poolformerv2_s12": 32,
    "gmlp_ti16_224": 32,
    "mobilenetv3_small_050": 32,
    "mobilevit_xxs": 32,
    "mvitv2_tiny": 64,
    "nest_tiny": 64,
    "nextvit_small": 32,
    "test_nfnet": 32,
    "pit_ti_224": 32,
    "pvt_v2_b0": 32,
    "rdnet_tiny": 32,
    "regnetx_002": 32,
    "repghostnet_050": 32,
    "repvit_m1": 32,
    "res2next50": 32,
    "resnest14d": 32,
    "test_resnet": 32,
    "resnetv2_18": 32,
    "rexnet_100": 32,
    "selecsls42": 64,
    "legacy_seresnet18": 32,
    "sequencer2d_s": 32,
    "shvit_s1": 64,
    "skresnet18": 32,
    "starnet_s050": 32,
    "swiftformer_xs": 32,
    "swin_tiny_patch4_window7_224": 32,
    "swinv2_tiny_window16_256": 32,
    "swinv2_cr_tiny_224": 32,
    "tiny_vit_5m_224": 32,
    "tnt_s_legacy_patch16_224": 32,
    "tresnet_m": 32,
    "twins_svt_small": 32,
    "visformer_tiny": 32,
    "test_vit": 32,
    "vit_tiny_r_s16_p8_224": 32,
    "test_vit_relpos": 32,
    "vitamin_small_224": 32,
    "volo_d1_224": 32,
    "ese_vovnet19b_slim_dw": 32,
    "xcit_nano_12_p8_224": 32,
}
# Of these, those that take most of a second or more to train two steps.
SECONDS = {
    "coat_tiny", "convmixer_768_32", "crossvit_tiny_240", "csatv2", "cspnext_tiny", "davit_tiny",
    "deit_tiny_patch16_224", "dla46x_c", "dpn48b", "edgenext_xx_small", "efficientformer_l1",
    "focalnet_tiny_srf", "gmlp_ti16_224", "hiera_tiny_224", "inception_v3", "lcnetv2_small",
    "mobilenetv3_small_050", "mobilevit_xxs", "mvitv2_tiny", "nest_tiny", "nextvit_small",
    "poolformerv2_s12", "rdnet_tiny", "repghostnet_050", "res2next50", "sam2_hiera_tiny",
    "selecsls42", "sequencer2d_s", "starnet_s050", "swin_tiny_patch4_window7_224",
    "swinv2_tiny_window16_256", "test_nfnet", "tiny_vit_5m_224", "tresnet_m",
}  # fmt: skip
# As above; tens of millions of parameters, or large images.
LARGE = {
    "beit_base_patch16_224": 32,
    "halonet_h1": 256,
    "deepseek_vit_412m": 56,
    "gemma4_vit_167m": 96,
    "inception_resnet_v2": 96,
    "inception_v4": 96,
    "mobilenetv5_base": 64,
    "naflexvit_base_patch16_parfac_gap": 64,
    "nasnetalarge": 64,
    "pnasnet5large": 64,
    "qwen3_vit_88m": 64,
    "samvit_base_patch16_224": 32,
    "vgg11": 32,
    "legacy_xception": 64,
    "xception41p": 64,
}


def listed(heading: str) -> dict[str, str]:
    """Families under a heading of the list, with the model that stands for each."""
    return {family: model for family, model, *_ in rows(heading)}


def rows(heading: str) -> list[list[str]]:
    section = LIST.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (\w+ \| `\w+` \| .*) \|$", section, re.MULTILINE)
    return [[cell.strip(" `") for cell in line.split(" | ")] for line in lines]


def spelled_out(places: str) -> list[str]:
    """``stage1–3`` as ``stage1``, ``stage2``, ``stage3``."""
    names = []
    for name in places.split(", "):
        first, _, last = name.removeprefix("stage").partition("–")
        numbers = range(int(first), int(last) + 1) if last else []
        names += [f"stage{number}" for number in numbers] or [name]
    return names


def configure(model: str, size: int) -> TrainingConfig:
    """The map at every place that the model has, by one of the fusions."""
    backbone = BackboneConfig(name=model, pretrained=False)
    places = find_places(backbone, size)
    assert any(name.startswith("stage") for name in places), f"{model} has no stage"
    fusion = SEEING[sorted(SERVED | LARGE).index(model) % len(SEEING)]
    return TrainingConfig(
        data=DataConfig(image_size=size),
        backbone=backbone,
        embedding=EmbeddingConfig(placement="+".join(places), fusion=fusion, width=4),
        attention=AttentionConfig(kind="eca"),
    )


@pytest.mark.parametrize(
    ("model", "size"),
    [
        pytest.param(*item, marks=[pytest.mark.slow] if item[0] in SECONDS | LARGE.keys() else [])
        for item in (SERVED | LARGE).items()
    ],
)
def test_a_family_begins_as_its_fusion_does_and_learns_at_every_place(
    model: str, size: int
) -> None:
    torch.manual_seed(0)
    config = configure(model, size)
    network = build_network(config, LABELS, REGIONS).eval()
    images, maps = torch.randn(2, 3, size, size), torch.rand(2, REGIONS, size, size)
    with torch.inference_mode():
        plain, embedded = network.backbone(images), network(images, maps)
    assert embedded.shape == (2, LABELS)
    if FUSIONS.find(config.embedding.fusion).starts_plain:
        torch.testing.assert_close(embedded, plain, atol=1e-5, rtol=1e-5)

    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    targets = torch.eye(LABELS)[:2]
    # Some of timm's classifiers start at zero and pass no gradient on before their first step.
    steps = 1 if plain.any() else 2
    for step in range(steps + 1):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(images, maps), targets).backward()
        if step < steps:
            optimizer.step()
    for name, parameter in network.embeddings.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.shape == parameter.shape
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("hiera_tiny_224", 64),  # in the order of its windows
        ("coat_tiny", 64),
        ("crossvit_tiny_240", 120),
        ("efficientformer_l1", 224),
        ("levit_128s", 64),
        ("mvitv2_tiny", 64),
        ("nest_tiny", 64),
        ("pit_ti_224", 64),
        ("sam2_hiera_tiny", 64),
        ("swin_tiny_patch4_window7_224", 64),
        ("test_mambaout", 64),  # as many rows as channels
        ("test_vit", 64),
        ("tnt_s_legacy_patch16_224", 64),
        ("twins_svt_small", 64),
        ("vit_tiny_patch16_dinov3_qkvb", 64),
        ("volo_d1_224", 64),
        ("xcit_nano_12_p8_224", 64),
        pytest.param("gemma4_vit_167m", 96, marks=pytest.mark.slow),
        pytest.param("naflexvit_base_patch16_parfac_gap", 64, marks=pytest.mark.slow),
        pytest.param("qwen3_vit_88m", 64, marks=pytest.mark.slow),
        pytest.param("samvit_base_patch16_224", 64, marks=pytest.mark.slow),
    ],
)
def test_a_stage_lies_as_the_image_does(model: str, size: int) -> None:
    """Of four images, each changed in another quarter, a stage changes most in that quarter."""
    torch.manual_seed(0)
    backbone = BackboneConfig(name=model, pretrained=False)
    places = find_places(backbone, size)
    stage = places[next(name for name in places if name.startswith("stage"))]
    network = create_backbone(backbone, LABELS, size).eval()
    seen: list[Tensor] = []
    network.get_submodule(stage.module).register_forward_hook(
        lambda _m, _i, output: seen.append(feature_map(output, stage).clone())
    )
    images = torch.randn(1, 3, size, size).repeat(5, 1, 1, 1)
    half, margin = size // 2, size // 8
    for index, (row, column) in enumerate([(0, 0), (0, half), (half, 0), (half, half)], 1):
        rows = slice(row + margin, row + half - margin)
        columns = slice(column + margin, column + half - margin)
        images[index, :, rows, columns].neg_()
    with torch.inference_mode():
        network(images)
    change = (seen[0][1:] - seen[0][:1]).abs().mean(1)
    quarters = nn.functional.adaptive_avg_pool2d(change, 2).flatten(1)
    assert quarters.argmax(1).tolist() == [0, 1, 2, 3]


def test_the_list_has_every_family_of_timm() -> None:
    served, not_served = listed("Served"), listed("Not served")
    assert not served.keys() & not_served.keys()
    assert served.keys() | not_served.keys() == set(timm.list_modules())
    for family, model in (served | not_served).items():
        assert model in timm.list_models(module=family)


def test_families_listed_as_served_are_tested() -> None:
    assert sorted(listed("Served").values()) == sorted(SERVED | LARGE)
    assert len(SERVED) >= 60


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row[1], marks=[pytest.mark.slow] if row[1] in LARGE else [])
        for row in rows("Served")
    ],
)
def test_a_family_has_the_places_listed(row: list[str]) -> None:
    _, model, names, layouts = row
    backbone = BackboneConfig(name=model, pretrained=False)
    places = find_places(backbone, (SERVED | LARGE)[model])
    assert list(places) == spelled_out(names)
    stages = [place for name, place in places.items() if name != "input"]
    assert {place.layout for place in stages} == set(layouts.split(", "))


@pytest.mark.parametrize("model", sorted(listed("Not served").values()))
def test_a_family_listed_as_not_served_has_no_stage(model: str) -> None:
    size = timm.get_pretrained_cfg(model).input_size[-1]
    places = find_places(BackboneConfig(name=model, pretrained=False), size)
    assert not any(name.startswith("stage") for name in places)
