import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sedn.config import BackboneConfig, DataConfig, EmbeddingConfig, HeadConfig, TrainingConfig
from sedn.network import SemanticNetwork, build_network
from sedn.network.image import CroppedImage, MaskedImage, bounding_boxes

LABELS, REGIONS, SIZE = 3, 2, 64


def build(placement: str, has_indicator: bool = False) -> SemanticNetwork:
    torch.manual_seed(0)
    config = TrainingConfig(
        data=DataConfig(image_size=SIZE),
        backbone=BackboneConfig(name="test_resnet", pretrained=False),
        embedding=EmbeddingConfig(placement=placement),
        head=HeadConfig(kind="gem"),
    )
    return build_network(config, LABELS, REGIONS, has_indicator).eval()


def box(top: int, bottom: int, left: int, right: int, value: float = 1.0) -> Tensor:
    maps = torch.zeros(1, REGIONS, SIZE, SIZE)
    maps[:, 1, top:bottom, left:right] = value
    return maps


def test_mask_image_ignores_what_is_outside_the_map() -> None:
    network = build("mask-image")
    maps = torch.cat([box(10, 30, 20, 50), box(0, 5, 0, 64)])
    images = torch.randn(2, 3, SIZE, SIZE)
    outside = torch.where(maps.amax(1, keepdim=True) > 0, images, torch.randn_like(images))
    assert torch.equal(network(images, maps), network(outside, maps))
    inside = torch.where(maps.amax(1, keepdim=True) > 0, -images, images)
    assert not torch.allclose(network(images, maps), network(inside, maps))


def test_crop_ignores_what_is_outside_the_box() -> None:
    network = build("crop")
    maps = box(20, 40, 20, 40)
    images = torch.randn(1, 3, SIZE, SIZE)
    outside = torch.randn_like(images)
    outside[:, :, 17:43, 17:43] = images[:, :, 17:43, 17:43]
    assert torch.equal(network(images, maps), network(outside, maps))
    outside[:, :, 20:22] += 1
    assert not torch.allclose(network(images, maps), network(outside, maps))


def test_crop_of_a_known_box_is_the_resized_box() -> None:
    images = torch.randn(1, 3, SIZE, SIZE)
    # A box of 20 x 40 pixels has a margin of 2 and 4.
    cropped = CroppedImage(REGIONS)(images, box(22, 42, 8, 48, value=0.7))
    resized = F.interpolate(
        images[:, :, 20:44, 4:52], (SIZE, SIZE), mode="bilinear", align_corners=False
    )
    # At the rim of the box one reads its neighbours, the other repeats it.
    torch.testing.assert_close(
        cropped[:, :, 2:-2, 2:-2], resized[:, :, 2:-2, 2:-2], atol=1e-4, rtol=0
    )


def test_crop_takes_each_image_by_itself_and_leaves_those_without_a_map() -> None:
    images = torch.randn(3, 3, SIZE, SIZE)
    maps = torch.cat([box(5, 20, 30, 60), box(0, 0, 0, 0), torch.ones(1, REGIONS, SIZE, SIZE)])
    cropped = CroppedImage(REGIONS)(images, maps)
    torch.testing.assert_close(cropped[1:], images[1:], atol=1e-4, rtol=0)
    torch.testing.assert_close(cropped[:1], CroppedImage(REGIONS)(images[:1], maps[:1]))
    assert not torch.allclose(cropped[0], images[0], atol=0.1)


@given(
    rows=st.tuples(st.integers(0, 15), st.integers(1, 16)).map(sorted),
    columns=st.tuples(st.integers(0, 15), st.integers(1, 16)).map(sorted),
)
def test_a_box_holds_the_map_and_a_tenth_around_it(rows: list[int], columns: list[int]) -> None:
    maps = torch.zeros(1, 16, 16)
    maps[0, rows[0] : rows[1], columns[0] : columns[1]] = 0.8
    found = bounding_boxes(maps)[0].tolist()
    if maps.sum() == 0:
        assert found == [0, 1, 0, 1]
        return
    expected = []
    for start, end in (rows, columns):
        margin = 0.1 * (end - start)
        expected += [max(0, start - margin) / 16, min(16, end + margin) / 16]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_box_leaves_out_what_is_below_half_of_the_maximum() -> None:
    maps = torch.full((1, 20, 20), 0.2)
    maps[0, 10:20, 0:10] = 0.5
    assert bounding_boxes(maps)[0].tolist() == pytest.approx([0.45, 1, 0, 0.55])


@pytest.mark.parametrize("placement", ["mask-image", "crop"])
def test_that_a_map_is_known_is_no_region(placement: str) -> None:
    images, maps = torch.randn(2, 3, SIZE, SIZE), torch.cat([box(5, 20, 30, 60)] * 2)
    known = torch.cat([maps, torch.ones(2, 1, SIZE, SIZE)], dim=1)
    assert torch.equal(build(placement)(images, maps), build(placement, True)(images, known))


def test_takes_maps_of_another_size() -> None:
    images = torch.randn(1, 3, SIZE, SIZE)
    half = box(8, 40, 16, 48)
    coarse = F.avg_pool2d(half, 4)
    for arm in (MaskedImage(REGIONS), CroppedImage(REGIONS)):
        assert arm(images, coarse).shape == images.shape
    torch.testing.assert_close(
        CroppedImage(REGIONS)(images, coarse), CroppedImage(REGIONS)(images, half)
    )
