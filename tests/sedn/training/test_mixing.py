from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from sedn.config import AugmentationConfig, LossConfig, TrainingConfig
from sedn.data import Split
from sedn.training.inputs.augmentation import Batch, augment, mix
from sedn.training.inputs.augmentation.erasing import AREAS
from sedn.training.inputs.batches import evaluation_batches, plan_epoch, training_batches
from sedn.training.inputs.fetching import View
from sedn.training.optimization.losses import classification_loss

SIZE = 20
ALPHAS = st.sampled_from([0.0, 0.01, 0.2, 1.0, 5.0])


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def told_apart(images: int, seed: int = 0) -> tuple[Batch, Tensor]:
    """Image ``i`` fills the region ``i`` of its mask, is even, and has its value for a target."""
    values = torch.rand(images, generator=seeded(seed))
    masks = torch.eye(images)[:, :, None, None].repeat(1, 1, SIZE, SIZE)
    known = torch.rand(images, generator=seeded(seed + 1)) < 0.7
    maps = masks * known[:, None, None, None]
    pixels = values[:, None, None, None].repeat(1, 3, SIZE, SIZE)
    return Batch(pixels, maps, known, masks, torch.ones(images).bool()), values[:, None]


def config_of(mixup: float, cutmix: float) -> AugmentationConfig:
    return AugmentationConfig(mixup=mixup, cutmix=cutmix)


@given(st.integers(2, 9), ALPHAS, ALPHAS, st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_targets_are_mixed_in_the_shares_of_the_images(
    images: int, mixup: float, cutmix: float, seed: int
) -> None:
    batch, targets = told_apart(images, seed)
    mixed, soft = mix(batch, targets, config_of(mixup, cutmix), seeded(seed))
    shares = mixed.masks.mean((2, 3))
    torch.testing.assert_close(shares.sum(1), torch.ones(images))
    assert (shares.gt(1e-6).sum(1) <= 2).all(), "no more than two images in one"
    torch.testing.assert_close(soft, shares @ targets, atol=1e-5, rtol=0)
    torch.testing.assert_close(mixed.images.mean((1, 2, 3)), soft[:, 0], atol=1e-5, rtol=0)
    assert soft.min() >= targets.min() - 1e-6
    assert soft.max() <= targets.max() + 1e-6


@given(st.integers(2, 9), ALPHAS, ALPHAS, st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_what_is_unknown_of_an_image_is_unknown_of_its_mixtures(
    images: int, mixup: float, cutmix: float, seed: int
) -> None:
    batch, targets = told_apart(images, seed)
    absent = torch.rand(images, 4, generator=seeded(seed)) < 0.3
    targets = targets.expand(-1, 4).masked_fill(absent, torch.nan)
    mixed, soft = mix(batch, targets, config_of(mixup, cutmix), seeded(seed))
    takes_part = (mixed.masks.mean((2, 3)) > 0).float()
    assert torch.equal(soft.isnan(), takes_part @ absent.float() > 0)
    assert torch.equal(mixed.known, takes_part @ (~batch.known).float() == 0)
    assert torch.equal(mixed.maps[mixed.known], mixed.masks[mixed.known])
    assert not mixed.maps[~mixed.known].any()
    assert mixed.masks_known.all()


def test_mixup_is_even_and_cutmix_a_rectangle() -> None:
    batch, targets = told_apart(64)
    even = mix(batch, targets, config_of(1.0, 0.0), seeded(0))[0].masks
    assert (even.amax((2, 3)) - even.amin((2, 3))).max() == 0
    cut = mix(batch, targets, config_of(0.0, 1.0), seeded(0))[0].masks
    assert set(cut.unique().tolist()) == {0.0, 1.0}
    own = cut[torch.arange(64), torch.arange(64)]
    covered = 1 - own
    corners = covered.amax(2)[:, :, None] * covered.amax(1)[:, None, :]
    assert torch.equal(covered, corners)
    assert ((own.mean((1, 2)) > 0.1) & (own.mean((1, 2)) < 0.9)).sum() > 20
    both = mix(batch, targets, config_of(1.0, 1.0), seeded(0))[0].masks
    is_even = (both.amax((2, 3)) - both.amin((2, 3))).amax(1) == 0
    assert 16 < is_even.sum() < 48


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_are_of_the_beta_distribution(alpha: float) -> None:
    values = torch.zeros(4000, 1)
    flat = torch.eye(2)[torch.arange(4000) % 2].reshape(4000, 2, 1, 1)
    known = torch.ones(4000).bool()
    batch = Batch(torch.rand(4000, 3, 1, 1, generator=seeded(9)), flat, known, flat, known)
    batch = replace(batch, images=torch.arange(4000.0)[:, None, None, None].expand(-1, 3, 1, 1))
    mixed = mix(batch, values, config_of(alpha, 0.0), seeded(0))[0].masks[:, :, 0, 0]
    own = mixed.gather(1, (torch.arange(4000) % 2)[:, None])
    partly = own[own < 1]
    # A partner of the same kind leaves a share of 1; there is one in half of all cases.
    assert 1800 < len(partly) < 2200
    assert abs(partly.mean() - 0.5) < 0.03
    assert abs(partly.var() - 1 / (4 * (2 * alpha + 1))) < 0.012


def test_equal_generators_mix_equally_and_leave_what_was_given() -> None:
    batch, targets = told_apart(16)
    config = config_of(0.4, 1.0)
    one, other = mix(batch, targets, config, seeded(1)), mix(batch, targets, config, seeded(1))
    assert all(torch.equal(getattr(one[0], n), getattr(other[0], n)) for n in vars(batch))
    assert torch.equal(one[1], other[1])
    assert not torch.equal(one[1], mix(batch, targets, config, seeded(2))[1])
    untouched, same = told_apart(16)
    assert torch.equal(batch.images, untouched.images)
    assert torch.equal(batch.masks, untouched.masks)
    assert torch.equal(targets, same)


def test_off_or_alone_nothing_is_mixed() -> None:
    batch, targets = told_apart(4)
    assert mix(batch, targets, config_of(0.0, 0.0), seeded(0)) == (batch, targets)
    batch, targets = told_apart(1)
    assert mix(batch, targets, config_of(1.0, 1.0), seeded(0)) == (batch, targets)


@given(st.sampled_from(["bce", "focal", "asl"]), st.floats(0, 1), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_a_soft_target_costs_its_share_of_both_truths(kind: str, share: float, seed: int) -> None:
    counts = torch.tensor([3.0]), torch.tensor([10.0])
    config = LossConfig.model_validate({"kind": kind, "pos_weight": "inverse"})
    loss = classification_loss(config, *counts)
    logits = 4 * torch.randn(1, 1, generator=seeded(seed))
    present, absent = loss(logits, torch.ones(1, 1)), loss(logits, torch.zeros(1, 1))
    soft = loss(logits, torch.full((1, 1), share))
    torch.testing.assert_close(soft, share * present + (1 - share) * absent)


@given(st.floats(0.0, 1.0), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_a_rectangle_of_the_mean_colour_is_erased_and_no_map(share: float, seed: int) -> None:
    side = 60
    images = torch.rand(12, 3, side, side, generator=seeded(seed))
    maps, known = torch.ones(12, 1, side, side), torch.ones(12).bool()
    batch = Batch(images, maps, known, maps, known)
    erased = augment(batch, AugmentationConfig(erasing=share), seeded(seed))
    assert erased.maps is maps
    gone = (erased.images != images).any(1)
    corners = gone.any(2)[:, :, None] & gone.any(1)[:, None, :]
    assert torch.equal(gone, corners), "a rectangle"
    area = gone.float().mean((1, 2))[gone.any(2).any(1)]
    edge = 2 * 2 / side
    assert ((area > AREAS[0] - edge * 0.3) & (area < AREAS[1] + edge)).all()
    filled = erased.images.where(gone[:, None], images.mean((2, 3), keepdim=True))
    assert (filled == images.mean((2, 3), keepdim=True)).all()
    assert share < 1 or gone.any(2).any(1).all()
    assert share > 0 or not gone.any()


def test_training_sees_mixed_fractions_and_evaluation_the_images_themselves() -> None:
    generator = np.random.default_rng(0)
    maps = generator.integers(0, 256, (24, 2, SIZE, SIZE), dtype=np.uint8)
    known = np.ones(24, dtype=bool)
    split = Split(
        images=generator.integers(0, 256, (24, SIZE, SIZE, 3), dtype=np.uint8),
        maps=maps,
        map_known=known,
        targets=generator.integers(0, 2, (24, 3)).astype(np.float32),
        names=tuple(f"{i}.png" for i in range(24)),
    )
    view = View(split, maps, known, np.arange(24), constant=False)
    augmentation = AugmentationConfig(crop_scale=0.3, policy="trivial", cutmix=1.0)
    config = TrainingConfig(augmentation=augmentation, batch_size=8)
    device = torch.device("cpu")
    batches, again = (
        list(training_batches(view, config, plan_epoch(view, config, 1), device)) for _ in range(2)
    )
    assert len(batches) == 3
    for (batch, targets), (other, others) in zip(batches, again, strict=True):
        assert 0 <= batch.images.min() < batch.images.max() <= 1
        assert torch.equal(batch.images, other.images)
        assert torch.equal(targets, others)
    soft = torch.cat([targets for _, targets in batches])
    assert ((soft > 0) & (soft < 1)).any()
    seen = [(batch.images, batch.maps) for batch, _ in evaluation_batches(view, 7, device)]
    images, seen_maps = (torch.cat(planes) for planes in zip(*seen, strict=True))
    expected = torch.from_numpy(split.images).permute(0, 3, 1, 2)
    torch.testing.assert_close(images, expected / 255)
    torch.testing.assert_close(seen_maps, torch.from_numpy(maps) / 255)
