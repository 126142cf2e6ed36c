from typing import Any

import pytest
import timm
import torch

from sedn.config import BackboneConfig, DataConfig, EmbeddingConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network import check_backbone, check_network
from sedn.network.features import Place
from sedn.network.places import find_places, place_embeddings

SIZE = 64


def configure(
    backbone: str = "test_resnet", placement: str = "stage2", image_size: int = SIZE, **more: Any
) -> TrainingConfig:
    return TrainingConfig(
        data=DataConfig(image_size=image_size),
        backbone=BackboneConfig(name=backbone, pretrained=False, **more),
        embedding=EmbeddingConfig(placement=placement),
    )


def test_groups_of_places_are_resolved_in_forward_order() -> None:
    def resolved(placement: str, backbone: str = "test_resnet") -> list[str]:
        return list(place_embeddings(configure(backbone, placement)))

    assert resolved("all") == ["stage1", "stage2", "stage3", "stage4"]
    assert resolved("last2") == ["stage3", "stage4"]
    assert resolved("stage4+input+last2") == ["input", "stage3", "stage4"]
    assert resolved("none") == []


def test_places_are_the_last_feature_of_each_stride() -> None:
    places = find_places(BackboneConfig(name="test_resnet", pretrained=False), SIZE)
    modules = {name: (place.module, place.channels) for name, place in places.items()}
    assert modules == {
        "input": ("conv1.0", 16),
        "stem": ("act1", 32),
        "stage1": ("layer1", 32),
        "stage2": ("layer2", 48),
        "stage3": ("layer3", 192),
        "stage4": ("layer4", 96),
    }


def test_stages_of_a_transformer_end_the_quarters_of_its_depth() -> None:
    def blocks(backbone: str, size: int) -> list[str]:
        places = find_places(BackboneConfig(name=backbone, pretrained=False), size)
        return [place.module for name, place in places.items() if name.startswith("stage")]

    assert blocks("beit_base_patch16_224", 224) == ["blocks.2", "blocks.5", "blocks.8", "blocks.11"]
    # Of the last block, a class token that alone is pooled sees nothing.
    assert blocks("deit_tiny_patch16_224", 224) == ["blocks.2", "blocks.5", "blocks.8", "blocks.10"]


def test_one_of_several_outputs_and_a_module_of_another_name_are_found() -> None:
    def place(backbone: str, name: str) -> Place:
        return find_places(BackboneConfig(name=backbone, pretrained=False), SIZE)[name]

    assert place("hrnet_w18_small", "stage3") == Place("stage3", 64, element=2)
    assert place("coat_lite_tiny", "stage1").module == "serial_blocks1.1"
    assert place("twins_pcpvt_small", "stage1") == Place("blocks.0.2", 64, "tokens", 0, (16, 16))
    assert place("mvitv2_tiny", "stage4").module == "stages.3"


@pytest.mark.parametrize(
    ("backbone", "size"), [("test_mambaout", 64), ("swin_tiny_patch4_window7_224", 384)]
)
def test_a_map_with_as_many_rows_as_channels_is_read_as_the_model_lays_it_out(
    backbone: str, size: int
) -> None:
    place = find_places(BackboneConfig(name=backbone, pretrained=False), size)["stage1"]
    assert size // 4 == place.channels
    assert place.layout == "NHWC"


@pytest.mark.parametrize(("mode", "size"), [(torch.no_grad, 40), (torch.inference_mode, 56)])
def test_places_are_found_where_gradients_are_off(mode: Any, size: int) -> None:
    # Of a size that no other test has: what was found once is remembered.
    with mode():
        places = find_places(BackboneConfig(name="lcnet_075", pretrained=False), size)
    assert "stage4" in places


def test_tokens_that_hiera_regroups_are_found_where_their_patches_lie() -> None:
    config = BackboneConfig(name="hiera_tiny_224", pretrained=False)
    places = find_places(config, 224)
    model = timm.create_model("hiera_tiny_224").eval()
    seen = {}
    for name, place in places.items():
        if name != "input":
            model.get_submodule(place.module).register_forward_hook(
                lambda _m, _i, output, name=name: seen.update({name: output})
            )
    with torch.inference_mode():
        maps = model.forward_intermediates(torch.randn(1, 3, 224, 224), intermediates_only=True)
    for stage, wanted in enumerate(maps, 1):
        place = places[f"stage{stage}"]
        got = seen[f"stage{stage}"][:, place.order].transpose(1, 2).unflatten(2, place.grid)
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize(
    ("backbone", "missing"),
    [
        ("test_vit", "stem"),
        ("test_convnext", "stem"),
        ("hrnet_w18_small", "stage1"),
        ("efficientvim_m1", "all"),
        ("test_resnet", "stage5"),
        ("coat_tiny", "last2"),
    ],
)
def test_a_missing_place_is_refused_with_those_there_are(backbone: str, missing: str) -> None:
    with pytest.raises(UserError) as caught:
        check_network(configure(backbone, missing))
    message = str(caught.value)
    assert f"backbone '{backbone}' has no '{missing}'" in message
    assert "it has input" in message


def test_checking_a_placement_needs_no_weights() -> None:
    config = configure("resnet50", "last2")
    pretrained = BackboneConfig(name="resnet50", pretrained=True)
    check_network(config.model_copy(update={"backbone": pretrained}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet5O", "did you mean 'resnet50'"),
        ("resnet50.a1_in1q", "did you mean 'resnet50.a1_in1k'"),
        ("", "no such model"),
    ],
)
def test_an_unknown_backbone_is_refused_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_backbone(name)
    with pytest.raises(UserError, match=said):
        check_network(configure(name))


def test_what_a_backbone_cannot_do_is_said_in_one_line() -> None:
    with pytest.raises(UserError, match="takes no drop path"):
        check_network(configure("vgg11", drop_path=0.1))
    with pytest.raises(UserError, match="cannot take images of 32 px"):
        check_network(configure("inception_v3", image_size=32))
    unavailable = TrainingConfig(backbone=BackboneConfig(name="dla60x_c.none"))
    with pytest.raises(UserError, match="no weights 'none'"):
        check_network(unavailable)
