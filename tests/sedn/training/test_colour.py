import colorsys
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional

from sedn.config import AugmentationConfig
from sedn.training.inputs.augmentation import Batch
from sedn.training.inputs.augmentation.colour import adjust_hue, jitter
from sedn.training.inputs.augmentation.geometry import resample
from sedn.training.inputs.augmentation.policy import (
    BINS,
    MOVES,
    OPERATIONS,
    Drawn,
    change_colours,
    draw_policy,
    magnitudes,
    policy_affine,
)

SIZE = 24


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def noise(images: int, seed: int = 0) -> Tensor:
    """Of various ranges; one image is grey, one even and one black."""
    generator = seeded(seed)
    span = torch.rand(images, 1, 1, 1, generator=generator)
    pixels = 0.1 + 0.9 * span * torch.rand(images, 3, SIZE, SIZE, generator=generator)
    pixels[0] = pixels[0, :1]
    pixels[1] = 0.3
    pixels[2] = 0.0
    return pixels


REFERENCES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "Identity": lambda image, _: image,
    "Brightness": lambda image, m: functional.adjust_brightness(image, 1 + m),
    "Color": lambda image, m: functional.adjust_saturation(image, 1 + m),
    "Contrast": lambda image, m: functional.adjust_contrast(image, 1 + m),
    "Sharpness": lambda image, m: functional.adjust_sharpness(image, 1 + m),
    "Posterize": lambda image, m: functional.posterize(image, int(m)),
    "Solarize": functional.solarize,
    "AutoContrast": lambda image, _: functional.autocontrast(image),
    "Equalize": lambda image, _: functional.equalize(image),
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("policy", ["trivial", "rand"])
def test_every_image_is_changed_as_torchvision_changes_it_alone(name: str, policy: str) -> None:
    """All magnitudes in one batch."""
    strength = magnitudes(policy, name, (SIZE, SIZE))
    if name in ("Brightness", "Color", "Contrast", "Sharpness"):
        strength = torch.cat([strength, -strength])
    images = noise(len(strength))
    operation = torch.full((1, len(strength)), OPERATIONS.index(name))
    changed = change_colours(images, Drawn(operation, strength[None]))
    alone = [REFERENCES[name](*pair) for pair in zip(images, strength.tolist(), strict=True)]
    torch.testing.assert_close(changed, torch.stack(alone), atol=1e-5, rtol=0)
    assert torch.equal(images, noise(len(strength))), "the images that were given have changed"


def test_every_image_has_changes_of_its_own_in_their_order() -> None:
    images = noise(40)
    operations = torch.randint(len(OPERATIONS), (3, 40), generator=seeded(1))
    bins = torch.randint(BINS, (3, 40), generator=seeded(2))
    table = torch.stack([magnitudes("rand", name, (SIZE, SIZE)) for name in OPERATIONS])
    strength = table[operations, bins]
    changed = change_colours(images, Drawn(operations, strength))
    for i in range(40):
        alone = images[i]
        for operation, by in zip(operations[:, i].tolist(), strength[:, i].tolist(), strict=True):
            alone = REFERENCES.get(OPERATIONS[operation], REFERENCES["Identity"])(alone, by)
        # Where values lie on a threshold, one more step of 1/255 is rounding.
        assert (changed[i] - alone).abs().gt(1e-5).float().mean() < 0.02


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_every_image_is_moved_as_torchvision_moves_it(name: str, sign: int) -> None:
    """Where it comes from within the image; torchvision fills the rest with black."""
    strength = sign * magnitudes("rand", name, (SIZE, 2 * SIZE))[::5]
    images = torch.rand(len(strength), 3, SIZE, 2 * SIZE, generator=seeded(0))
    one, known = torch.ones_like(images[:, :1]), torch.ones(len(strength)).bool()
    operation = torch.full((1, len(strength)), OPERATIONS.index(name))
    source = policy_affine(Drawn(operation, strength[None]), (SIZE, 2 * SIZE))
    moved = resample(Batch(images, one, known, one, known), source).images

    def alone(image: Tensor, by: float) -> Tensor:
        return v2.RandAugment()._apply_image_or_video_transform(
            image, name, by, InterpolationMode.BILINEAR, {}
        )

    for i, by in enumerate(strength.tolist()):
        within = (alone(one[i], by) > 0.9999).expand(3, -1, -1)
        assert within.float().mean() > 0.4
        torch.testing.assert_close(
            moved[i][within], alone(images[i], by)[within], atol=1e-4, rtol=0
        )


@pytest.mark.parametrize(
    ("policy", "peer"), [("trivial", v2.TrivialAugmentWide), ("rand", v2.RandAugment)]
)
def test_operations_and_magnitudes_are_torchvisions(policy: str, peer: type) -> None:
    space = peer._AUGMENTATION_SPACE
    assert set(OPERATIONS) == set(space)
    for name, (values, _) in space.items():
        expected = values(BINS, 200, 300)
        if expected is None:
            continue
        expected = expected.int() if name.startswith("Translate") else expected
        torch.testing.assert_close(magnitudes(policy, name, (200, 300)), expected.float())


def test_trivial_draws_every_operation_magnitude_and_sign() -> None:
    drawn = draw_policy(AugmentationConfig(policy="trivial"), (14_000, 224, 224), seeded(0))
    assert drawn.operations.shape == (1, 14_000)
    assert torch.bincount(drawn.operations[0]).min() > 850
    for i, name in enumerate(OPERATIONS):
        seen = drawn.magnitudes[drawn.operations == i].unique()
        values = magnitudes("trivial", name, (224, 224))
        signed = name in MOVES or name in ("Brightness", "Color", "Contrast", "Sharpness")
        expected = torch.cat([values, -values]).unique() if signed else values.unique()
        assert torch.equal(seen, expected), name


@given(st.integers(1, 5), st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_rand_draws_so_many_operations_of_one_magnitude(ops: int, magnitude: int) -> None:
    config = AugmentationConfig(policy="rand", policy_ops=ops, policy_magnitude=magnitude)
    drawn = draw_policy(config, (500, 224, 224), seeded(0))
    assert drawn.operations.shape == drawn.magnitudes.shape == (ops, 500)
    for i, name in enumerate(OPERATIONS):
        expected = magnitudes("rand", name, (224, 224))[magnitude]
        assert (drawn.magnitudes[drawn.operations == i].abs() == expected).all()


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("strength", [0.2, 0.6])
def test_jitter_draws_a_factor_for_each_image(name: str, strength: float) -> None:
    """By all three, the distance of two channels is multiplied by the factor."""
    config = AugmentationConfig.model_validate({name: strength})
    images = 0.3 + 0.2 * torch.rand(500, 3, 2, 2, generator=seeded(0))
    images[:, 0] += 0.1
    before, after = images.diff(dim=1), jitter(images, config, seeded(1)).diff(dim=1)
    factor = (after * before).sum((1, 2, 3)) / before.square().sum((1, 2, 3))
    torch.testing.assert_close(after, factor[:, None, None, None] * before, atol=1e-5, rtol=0)
    assert (factor - 1).abs().max() <= strength + 1e-4
    assert torch.histc(factor, 4, 1 - strength, 1 + strength).min() > 90


def test_jitter_draws_a_hue_for_each_image() -> None:
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None].expand(400, 3, 2, 2)
    changed = jitter(red, AugmentationConfig(hue=0.25), seeded(0))[:, :, 0, 0]
    turned = torch.tensor([colorsys.rgb_to_hsv(*pixel)[0] for pixel in changed.tolist()])
    turned = torch.where(turned > 0.5, turned - 1, turned)
    assert turned.abs().max() <= 0.2501
    assert torch.histc(turned, 4, -0.25, 0.25).min() > 70


@given(st.integers(0, 2**31), st.floats(-0.5, 0.5))
@settings(max_examples=50, deadline=None)
def test_hue_is_torchvisions(seed: int, shift: float) -> None:
    images = noise(8, seed)
    changed = adjust_hue(images, torch.full((8, 1, 1, 1), shift))
    torch.testing.assert_close(changed, functional.adjust_hue(images, shift), atol=1e-5, rtol=0)


def test_the_order_of_the_jitter_varies_and_its_result_is_an_image() -> None:
    config = AugmentationConfig(brightness=1.0, contrast=1.0, saturation=1.0, hue=0.5)
    for seed in range(5):
        changed = jitter(noise(20), config, seeded(seed))
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert not changed.isnan().any()
