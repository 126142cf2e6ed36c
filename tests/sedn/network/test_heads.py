import pytest
import torch
from torch import Tensor, nn

from sedn.config import (
    AttentionConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    HeadConfig,
    TrainingConfig,
)
from sedn.errors import UserError
from sedn.network import SemanticNetwork, build_network
from sedn.network.heads import GemHead, find_last_feature
from sedn.registry import HEADS

LABELS, REGIONS = 5, 2
SIZES = {
    "test_resnet": 64,  # NCHW
    "mobilenetv3_small_050": 64,  # has a convolution after its pooling
    "test_convnext": 64,  # has a norm after its pooling
    "swin_tiny_patch4_window7_224": 64,  # NHWC
    "test_vit": 160,  # tokens, after one of class
    "mixer_s32_224": 224,  # tokens alone
}
KINDS = HEADS.names()


def build(
    backbone: str, kind: str, placement: str = "none", labels: int = LABELS
) -> SemanticNetwork:
    torch.manual_seed(0)
    config = TrainingConfig(
        data=DataConfig(image_size=SIZES[backbone]),
        backbone=BackboneConfig(name=backbone, pretrained=False),
        embedding=EmbeddingConfig(placement=placement, width=8),
        attention=AttentionConfig(),
        head=HeadConfig.model_validate({"kind": kind}),
    )
    return build_network(config, labels, REGIONS)


def inputs(size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(4, 3, size, size, generator=generator)
    return images, torch.rand(4, REGIONS, size, size, generator=generator)


def backward(network: nn.Module, size: int) -> None:
    targets = torch.eye(LABELS)[:4]
    network.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(network(*inputs(size)), targets).backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("backbone", SIZES)
def test_scores_each_label_and_trains_every_parameter(backbone: str, kind: str) -> None:
    network = build(backbone, kind).train()
    assert network(*inputs(SIZES[backbone])).shape == (4, LABELS)
    backward(network, SIZES[backbone])
    for name, parameter in network.named_parameters():
        # Those of the backbone too: none is left over from its own head.
        assert parameter.grad is not None, name
        if name.startswith("head."):
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_the_map_at_the_head_begins_without_effect_and_learns(backbone: str, kind: str) -> None:
    size = SIZES[backbone]
    plain, network = build(backbone, kind), build(backbone, kind, "head")
    missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert {name.split(".")[1] for name in missing} == {"head"}
    images, maps = inputs(size)
    with torch.inference_mode():
        assert torch.equal(network.eval()(images, maps), plain.eval()(images, maps))

    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    backward(network, size)
    optimizer.step()
    backward(network, size)
    for name, parameter in network.embeddings["head"].named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0, name
    with torch.inference_mode():
        assert not torch.allclose(network(images, maps), network(images, 0 * maps))


def test_the_average_is_the_plain_model() -> None:
    network = build("test_resnet", "average").eval()
    images, maps = inputs(64)
    assert torch.equal(network(images, maps), network.backbone(images))
    assert all(name.startswith("backbone.") for name in network.state_dict())


def test_the_map_reaches_another_head_through_a_stage() -> None:
    network = build("test_resnet", "query", "stage4").eval()
    images, maps = inputs(64)
    with torch.no_grad():
        before = network(images, maps)
        for parameter in network.embeddings.parameters():
            parameter.add_(0.1)
        assert not torch.allclose(network(images, maps), before)


def test_gem_lies_between_the_mean_and_the_maximum() -> None:
    head = GemHead(3, 3)
    tokens = torch.rand(2, 7, 3)
    with torch.no_grad():
        head.classifier.weight.copy_(torch.eye(3))
        head.classifier.bias.zero_()
        head.exponent.fill_(1.0)
        torch.testing.assert_close(head(tokens), tokens.mean(1))
        head.exponent.fill_(200.0)
        torch.testing.assert_close(head(tokens), tokens.amax(1), rtol=0.02, atol=0)


def test_tokens_of_the_class_take_no_part() -> None:
    last = find_last_feature(BackboneConfig(name="test_vit", pretrained=False), 160)
    assert (last.layout, last.prefix, last.channels) == ("tokens", 1, 64)
    network = build("test_vit", "attention").eval()
    assert network.head is not None
    feature = torch.randn(2, 101, 64)
    other = feature.clone()
    other[:, 0] += 1
    assert torch.equal(network.head(feature), network.head(other))


@pytest.mark.parametrize(
    ("backbone", "size", "prefix"),
    [("volo_d1_224", 64, 1), ("levit_128s", 64, 0), ("vit_tiny_patch16_dinov3_qkvb", 32, 5)],
)
def test_tells_tokens_of_the_class_from_patches(backbone: str, size: int, prefix: int) -> None:
    with torch.no_grad():  # what is traced needs gradients all the same
        last = find_last_feature(BackboneConfig(name=backbone, pretrained=False), size)
    assert (last.layout, last.prefix) == ("tokens", prefix)


@pytest.mark.parametrize("kind", KINDS)
def test_one_label(kind: str) -> None:
    assert build("test_resnet", kind, labels=1)(*inputs(64)).shape == (4, 1)


def test_refuses_a_backbone_of_several_last_features() -> None:
    with pytest.raises(UserError) as refusal:
        find_last_feature(BackboneConfig(name="coat_tiny", pretrained=False), 64)
    assert str(refusal.value) == (
        "head.kind: backbone 'coat_tiny' has not one last feature that another head could pool: "
        "set head.kind to average"
    )
