from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from sedn.config import AugmentationConfig, MapConfig
from sedn.training.inputs.augmentation import Batch, augment, fractions, perturb_maps
from sedn.training.inputs.augmentation.batch import room_for
from sedn.training.inputs.augmentation.geometry import random_affine, resample
from sedn.training.inputs.augmentation.policy import change_colours, draw_policy, policy_affine
from sedn.training.inputs.controls import constant_maps, map_order

SIZE = 32
GEOMETRIES = [
    AugmentationConfig(horizontal_flip=True),
    AugmentationConfig(shift=0.4),
    AugmentationConfig(horizontal_flip=True, shift=0.25),
]
RESAMPLED = [
    AugmentationConfig(crop_scale=0.2),
    AugmentationConfig(crop_scale=0.5, horizontal_flip=True, shift=0.2),
    AugmentationConfig(rotation=180.0),
    AugmentationConfig(scale=1.0),
    AugmentationConfig(shear=40.0),
    AugmentationConfig(
        crop_scale=0.3, horizontal_flip=True, rotation=45.0, scale=0.5, shear=20.0, shift=0.3
    ),
]
MARK = 5.0


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def batch(seed: int = 0, images: int = 8, known: Tensor | None = None) -> Batch:
    """Noise with one rectangle for each of two regions."""
    generator = seeded(seed)
    corners = torch.randint(4, SIZE // 2, (images, 2, 2, 1), generator=generator)
    sides = torch.randint(3, SIZE // 2 - 4, (images, 2, 2, 1), generator=generator)
    line = torch.arange(SIZE)
    inside = (line >= corners) & (line < corners + sides)
    maps = (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).float()
    known = torch.ones(images).bool() if known is None else known
    maps = maps * known[:, None, None, None]
    pixels = torch.rand(images, 3, SIZE, SIZE, generator=generator)
    return Batch(images=pixels, maps=maps, known=known, masks=maps, masks_known=known)


def same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in vars(a))


@given(st.sampled_from(GEOMETRIES), st.integers(0, 2**31), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_marked_pixel_stays_inside_its_region(
    config: AugmentationConfig, seed: int, apart: bool
) -> None:
    """With the map the network sees as the mask itself, and as another tensor that equals it."""
    marked = batch(seed)
    inside = marked.masks[:, 0] > 0
    images = marked.images.clone()
    images[:, 0][inside] = MARK
    maps = marked.maps.clone() if apart else marked.maps
    moved = augment(replace(marked, images=images, maps=maps), config, seeded(seed))
    assert torch.equal(moved.images[:, 0] == MARK, moved.masks[:, 0] == 1)
    assert torch.equal(moved.maps, moved.masks)


@given(st.sampled_from(RESAMPLED), st.integers(0, 2**31), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_mark_lies_where_the_resampled_map_says(
    config: AugmentationConfig, seed: int, apart: bool
) -> None:
    """A pixel between others is as much of the mark as the map says, and noise below 1 besides."""
    marked = batch(seed)
    images = marked.images.clone()
    images[:, 0][marked.masks[:, 0] > 0] = MARK
    maps = marked.maps.clone() if apart else marked.maps
    moved = augment(replace(marked, images=images, maps=maps), config, seeded(seed))
    share = moved.masks[:, 0]
    excess = moved.images[:, 0] - MARK * share
    assert excess.min() > -1e-4
    assert (excess - (1 - share)).max() < 1e-4
    assert torch.equal(moved.maps, moved.masks)
    assert not torch.equal(moved.maps, marked.maps)


@given(st.sampled_from(["trivial", "rand"]), st.integers(1, 4), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_a_mark_lies_where_the_map_moved_by_a_policy_says(policy: str, ops: int, seed: int) -> None:
    config = AugmentationConfig.model_validate({"policy": policy, "policy_ops": ops})
    marked = batch(seed)
    images = marked.images.clone()
    images[:, 0][marked.masks[:, 0] > 0] = MARK
    drawn = draw_policy(config, (8, SIZE, SIZE), seeded(seed))
    source = policy_affine(drawn, (SIZE, SIZE))
    moved = resample(replace(marked, images=images), source)
    share = moved.masks[:, 0]
    excess = moved.images[:, 0] - MARK * share
    assert excess.min() > -1e-4
    assert (excess - (1 - share)).max() < 1e-4


@given(st.sampled_from(["trivial", "rand"]), st.integers(0, 30), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_a_mark_has_one_colour_where_a_policy_leaves_its_map(
    policy: str, magnitude: int, seed: int
) -> None:
    """Whichever one operation changes the colours, but where edges are blurred or sharpened."""
    config = AugmentationConfig.model_validate(
        {"policy": policy, "policy_ops": 1, "policy_magnitude": magnitude}
    )
    marked = batch(seed)
    marked = replace(marked, images=0.31 + 0.38 * marked.masks[:, :1].expand(-1, 3, -1, -1))
    moved = augment(marked, config, seeded(seed))
    region = moved.masks[:, :1]
    inside = -torch.nn.functional.max_pool2d(-region, 3, 1, 1) > 1 - 1e-5
    outside = torch.nn.functional.max_pool2d(region, 3, 1, 1) < 1e-5
    assert inside.any()
    for place in (inside, outside):
        for image, part in zip(moved.images[:, 0], place[:, 0], strict=True):
            colours = image[part]
            assert len(colours) == 0 or colours.max() - colours.min() < 1e-4
    assert torch.equal(moved.maps, moved.masks)


@pytest.mark.parametrize("policy", ["trivial", "rand"])
def test_a_policy_moves_after_the_crop_and_colours_what_has_moved(policy: str) -> None:
    config = AugmentationConfig.model_validate({"crop_scale": 0.5, "policy": policy})
    still, shape, generator = batch(images=32), (32, SIZE, SIZE), seeded(0)
    cropped = random_affine(config, shape, generator)
    drawn = draw_policy(config, shape, generator)
    expected = resample(still, cropped @ policy_affine(drawn, shape[1:]))
    changed = augment(still, config, seeded(0))
    assert torch.equal(changed.maps, expected.maps)
    assert torch.equal(changed.images, change_colours(expected.images, drawn))
    assert not torch.equal(changed.maps, resample(still, cropped).maps)
    assert not torch.equal(changed.images, expected.images)


@given(st.floats(0.05, 1.0), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_a_crop_keeps_its_share_and_its_aspect(crop_scale: float, seed: int) -> None:
    config = AugmentationConfig(crop_scale=crop_scale)
    source = random_affine(config, (64, SIZE, SIZE), seeded(seed))
    width, height = source[:, 0, 0], source[:, 1, 1]
    assert (width * height >= crop_scale - 1e-5).all()
    assert (width / height).log().abs().max() <= np.log(4 / 3) + 1e-5
    for centre, side in ((source[:, 0, 2], width), (source[:, 1, 2], height)):
        assert (centre.abs() + side * SIZE / 2 <= SIZE / 2 + 1e-4).all()
    assert not source[:, 0, 1].any()
    assert not source[:, 1, 0].any()


def test_crops_are_of_all_sizes_and_at_all_places() -> None:
    source = random_affine(AugmentationConfig(crop_scale=0.1), (4000, SIZE, SIZE), seeded(0))
    area = source[:, 0, 0] * source[:, 1, 1]
    assert torch.histc(area, 9, 0.1, 1.0).min() > 330
    free = SIZE * (1 - source[:, 0, 0])
    assert torch.histc(source[:, 0, 2] / free, 4, -0.5, 0.5).min() > 850


def test_rotation_zoom_shear_and_shift_reach_their_strengths_and_no_further() -> None:
    def drawn(**strength: float) -> Tensor:
        config = AugmentationConfig(**strength)
        return random_affine(config, (2000, SIZE, SIZE), seeded(0))

    turned = drawn(rotation=30.0)[:, :2, :2]
    angle = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0]))
    torch.testing.assert_close(turned @ turned.mT, torch.eye(2).expand(2000, 2, 2))
    zoom = drawn(scale=1.0)[:, 0, 0].log2()
    shear = torch.rad2deg(drawn(shear=20.0)[:, 0, 1].atan())
    right = drawn(shift=0.25)[:, 0, 2] / SIZE
    for values, strength in ((angle, 30.0), (zoom, 1.0), (shear, 20.0), (right, 0.25)):
        assert values.abs().max() <= strength + 1e-3
        assert torch.histc(values, 5, -strength, strength).min() > 320


@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=20, deadline=None)
def test_no_strength_resamples_to_the_same(seed: int, as_wide: bool) -> None:
    still = batch(seed)
    if not as_wide:
        narrow = still.images[..., : SIZE // 2], still.maps[..., : SIZE // 2]
        still = replace(still, images=narrow[0], maps=narrow[1], masks=narrow[1])
    size, _, height, width = still.images.shape
    source = random_affine(AugmentationConfig(), (size, height, width), seeded(seed))
    moved = resample(still, source)
    torch.testing.assert_close(moved.images, still.images, atol=1e-4, rtol=0)
    torch.testing.assert_close(moved.maps, still.maps, atol=1e-4, rtol=0)


@given(st.integers(0, 2**31), st.floats(0.0, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_map_that_is_unknown_stays_zero_and_the_others_move(seed: int, share: float) -> None:
    """In one batch as if alone, whichever others are known."""
    known = torch.rand(24, generator=seeded(seed)) < share
    whole = batch(seed, 24)
    maps = whole.maps * known[:, None, None, None]
    some = replace(whole, maps=maps, known=known, masks=maps, masks_known=known)
    moved = augment(some, RESAMPLED[-1], seeded(seed))
    expected = augment(whole, RESAMPLED[-1], seeded(seed)).maps
    assert torch.equal(moved.maps[known], expected[known])
    assert not moved.maps[~known].any()
    assert moved.masks is moved.maps
    assert moved.known is known


def test_a_quarter_turn_of_an_oblong_image_turns_it() -> None:
    image = torch.zeros(1, 3, 16, 32)
    image[:, :, :8, :] = 1.0
    oblong = Batch(image, image[:, :1], torch.ones(1).bool(), image[:, :1], torch.ones(1).bool())
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    turned = resample(oblong, quarter).maps[0, 0]
    assert (turned[:, :16] == 1).all()
    assert (turned[:, 16:] == 0).all()


@pytest.mark.parametrize(
    "config",
    [
        AugmentationConfig(),
        AugmentationConfig(background_swap=0.5),
        GEOMETRIES[2],
        RESAMPLED[-1],
        AugmentationConfig(brightness=0.4),
        AugmentationConfig(policy="trivial"),
    ],
)
def test_bytes_are_changed_as_fractions_are(config: AugmentationConfig) -> None:
    still = batch(images=20)
    images = (still.images * 255).byte().contiguous(memory_format=torch.channels_last)
    maps = (still.maps * 255).byte()
    as_bytes = replace(still, images=images, maps=maps, masks=maps)
    one = augment(as_bytes, config, seeded(0))
    other = augment(fractions(as_bytes), config, seeded(0))
    assert one.images.dtype == one.maps.dtype == torch.float32
    assert one.maps is one.masks
    assert same(one, other)


@given(st.integers(0, 2**31), st.floats(0.1, 0.5), st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_pixel_moves_by_the_displacement_at_most(seed: int, shift: float, flip: bool) -> None:
    still = batch(seed)
    where = torch.arange(SIZE).float()
    images = still.images.clone()
    images[:, 0], images[:, 1] = where[:, None], where[None, :]
    config = AugmentationConfig(shift=shift, horizontal_flip=flip)
    moved = augment(replace(still, images=images), config, seeded(seed)).images
    limit = int(shift * SIZE)
    assert (moved[:, 0] - where[:, None]).abs().max() <= limit
    columns = moved[:, 1]
    mirrored = (columns[:, 0, 0] > columns[:, 0, -1])[:, None, None]
    assert flip or not mirrored.any()
    columns = torch.where(mirrored, SIZE - 1 - columns, columns)
    assert (columns - where).abs().max() <= limit
    middle = moved[:, 0, 16:18, 0]
    assert (middle[:, 1] - middle[:, 0] <= 1).all()


def test_all_displacements_and_both_sides_occur() -> None:
    many = batch(images=400)
    where = torch.arange(SIZE).float().expand(400, 2, SIZE, SIZE)
    many = replace(many, images=torch.cat([where, where.transpose(2, 3)], 1)[:, 1:])
    config = AugmentationConfig(shift=0.1, horizontal_flip=True)
    moved = augment(many, config, seeded(0)).images
    assert set((moved[:, 2, 16, 16] - 16).tolist()) == {-3, -2, -1, 0, 1, 2, 3}
    mirrored = moved[:, 0, 0, 0] > moved[:, 0, 0, -1]
    assert 150 < mirrored.sum() < 250


def test_off_is_the_identity() -> None:
    still = batch()
    assert augment(still, AugmentationConfig(), seeded(0)) is still
    assert perturb_maps(still, MapConfig(), seeded(0)) is still


CHANGES = {
    "flip and shift": lambda b, g: augment(b, GEOMETRIES[2], g),
    "affine": lambda b, g: augment(b, RESAMPLED[-1], g),
    "colour": lambda b, g: augment(b, AugmentationConfig(contrast=0.5, hue=0.2), g),
    "trivial": lambda b, g: augment(b, AugmentationConfig(policy="trivial"), g),
    "rand": lambda b, g: augment(b, AugmentationConfig(policy="rand"), g),
    "background": lambda b, g: augment(b, AugmentationConfig(background_swap=0.5), g),
    "erasing": lambda b, g: augment(b, AugmentationConfig(erasing=0.5), g),
    "dropout": lambda b, g: perturb_maps(b, MapConfig(dropout=0.5), g),
    "noise": lambda b, g: perturb_maps(b, MapConfig(noise=0.5), g),
}


OF_A_SHARE = ("background", "erasing", "dropout", "noise")


@pytest.mark.parametrize("name", CHANGES)
def test_equal_generators_give_equal_batches(name: str) -> None:
    change: Callable[[Batch, Generator], Batch] = CHANGES[name]
    original, reference = batch(images=32), batch(images=32)
    first, second = change(original, seeded(3)), change(original, seeded(3))
    assert same(first, second)
    assert not same(first, change(original, seeded(4)))
    assert same(original, reference), "the batch that was given has changed"
    kept = (first.images == original.images).all(3).all(2).all(1)
    kept &= (first.maps == original.maps).all(3).all(2).all(1)
    assert name not in OF_A_SHARE or 0 < kept.sum() < 32


@given(st.integers(0, 2**31), st.floats(0.0, 1.0), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_swapping_the_background_leaves_the_region_untouched(
    seed: int, share: float, images: int
) -> None:
    known = torch.rand(images, generator=seeded(seed)) < 0.7
    original = batch(seed, images, known)
    swapped = augment(original, AugmentationConfig(background_swap=share), seeded(seed))
    region = (original.masks.amax(1, keepdim=True) > 0).expand_as(original.images)
    assert torch.equal(swapped.images[region], original.images[region])
    assert torch.equal(swapped.images[~known], original.images[~known])
    assert swapped.maps is original.maps


def test_every_known_background_is_another_images_beyond_the_seam() -> None:
    images = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 3, SIZE, SIZE)
    original = replace(batch(known=torch.arange(8) != 2), images=images)
    original.masks[5] = 0
    swapped = augment(original, AugmentationConfig(background_swap=1.0), seeded(0)).images
    near = torch.nn.functional.max_pool2d(original.masks.amax(1, keepdim=True), 3, 1, 1)[:, 0]
    for i in range(8):
        background = swapped[i, 0][near[i] == 0].unique()
        assert len(background) == 1, "one image gives all of the background"
        assert (background.item() == i) == (i in (2, 5)), "unknown and empty masks keep theirs"
    inside = original.masks.amax(1) > 0
    assert (swapped[:, 0][inside] == images[:, 0][inside]).all()
    seam = (near[0] > 0) & ~inside[0]
    mixed = swapped[0, 0][seam]
    low, high = sorted([0.0, swapped[0, 0][near[0] == 0][0].item()])
    assert ((mixed > low) & (mixed < high)).all()


def test_a_single_image_has_no_other_background() -> None:
    alone = batch(images=1)
    assert augment(alone, AugmentationConfig(background_swap=1.0), seeded(0)) is alone


def test_the_background_is_cut_by_the_data_sets_own_masks() -> None:
    original = batch()
    other = replace(original, maps=original.maps.roll(1, 0), known=~original.known)
    config = AugmentationConfig(background_swap=1.0)
    swapped = augment(other, config, seeded(0))
    assert torch.equal(swapped.images, augment(original, config, seeded(0)).images)
    assert torch.equal(swapped.maps, other.maps)


def test_full_dropout_withholds_every_map_and_no_mask() -> None:
    original = batch()
    dropped = perturb_maps(original, MapConfig(dropout=1.0), seeded(0))
    assert not dropped.maps.any()
    assert not dropped.known.any()
    assert dropped.masks is original.masks
    assert dropped.masks_known.all()


def test_dropout_withholds_whole_maps_and_says_so() -> None:
    original = batch(images=200)
    dropped = perturb_maps(original, MapConfig(dropout=0.3), seeded(0))
    assert 30 < (~dropped.known).sum() < 90
    assert not dropped.maps[~dropped.known].any()
    assert torch.equal(dropped.maps[dropped.known], original.maps[dropped.known])


def test_full_noise_changes_every_map_in_every_way() -> None:
    original = batch(images=100)
    rough = perturb_maps(original, MapConfig(noise=1.0), seeded(0)).maps
    before, after = original.maps.flatten(2), rough.flatten(2)
    assert (before != after).any(2).all(), "every region of every image"
    binary = ((after == 0) | (after == 1)).all(2).all(1)
    grown = binary & (after.sum(2) > before.sum(2)).all(1)
    shrunk = binary & (after.sum(2) < before.sum(2)).all(1)
    blurred = ~binary
    for kind in (grown, shrunk, blurred):
        assert 15 < kind.sum() < 55
    assert (grown | shrunk | blurred).all()
    assert (before <= after)[grown].all()
    assert (before >= after)[shrunk].all()
    torch.testing.assert_close(after[blurred].sum(2), before[blurred].sum(2))


def test_noise_takes_radii_of_one_and_two() -> None:
    dot = torch.zeros(64, 1, SIZE, SIZE)
    dot[:, 0, 16, 16] = 1.0
    sides = (
        perturb_maps(replace(batch(images=64), maps=dot), MapConfig(noise=1.0), seeded(0))
        .maps.amax(dim=(1, 2))
        .gt(0)
        .sum(1)
    )
    assert set(sides.tolist()) == {0, 3, 5}


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_noise_keeps_an_even_map(value: float) -> None:
    even = replace(batch(images=30), maps=torch.full((30, 2, SIZE, SIZE), value))
    rough = perturb_maps(even, MapConfig(noise=1.0), seeded(0)).maps
    torch.testing.assert_close(rough, even.maps)


@given(st.integers(2, 200), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_no_image_sees_its_own_map_and_each_map_is_seen_once(images: int, seed: int) -> None:
    order = map_order(images, seed)
    assert (order != np.arange(images)).all()
    assert sorted(order) == list(range(images))
    assert (order == map_order(images, seed)).all()


def test_the_order_of_maps_varies_with_the_seed() -> None:
    assert (map_order(50, 0) != map_order(50, 1)).any()
    assert len(map_order(0, 0)) == 0
    with pytest.raises(ValueError, match="one image alone"):
        map_order(1, 0)


def test_constant_maps_are_one_half_for_all() -> None:
    constant = constant_maps(batch(known=torch.arange(8) < 4))
    assert (constant.maps == 0.5).all()
    assert constant.known.all()


def test_memory_is_taken_again_only_when_nothing_refers_to_it() -> None:
    like = torch.zeros(4, 3, 50, 50)
    first, view = room_for(like), room_for(like)[1:2]
    second = room_for(like)
    places = {t.untyped_storage().data_ptr() for t in (first, view, second)}
    assert len(places) == 3
    place = first.data_ptr()
    del first
    assert room_for(like).data_ptr() == place
    many = [room_for(like) for _ in range(6)]
    assert len({t.data_ptr() for t in [*many, second]}) == 7
    assert view.untyped_storage().data_ptr() not in {t.data_ptr() for t in many}
