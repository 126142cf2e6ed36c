"""Masks of a later program mean what they meant in training, or are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sedn.data.images.content import FileContent
from sedn.data.maps.mask_kinds import MaskKind
from sedn.data.maps.mask_reading import MaskReading, read_alike
from sedn.data.maps.mask_recognition import tell_kind
from sedn.errors import UserError

Classes = NDArray[np.uint8]
SIDE = 24
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 160, 0], [40, 40, 250]], dtype=np.uint8)


def classes(count: int, seed: int, *, present: int = 3) -> list[Classes]:
    """Masks of boxes of up to three classes on 0."""
    random = np.random.default_rng(seed)
    masks = []
    for _ in range(count):
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
        for value in range(1, present + 1):
            y, x = random.integers(1, SIDE - 9, 2)
            mask[y : y + 8, x : x + 8] = value
        masks.append(mask)
    return masks


def indices(mask: Classes) -> Image.Image:
    return Image.fromarray(mask)


def palette(mask: Classes) -> Image.Image:
    image = Image.fromarray(mask).convert("P")
    image.putdata(mask.ravel().tolist())
    image.putpalette(COLOURS.ravel().tolist())
    return image


def colours(mask: Classes) -> Image.Image:
    return Image.fromarray(COLOURS[mask])


def opacity(mask: Classes) -> Image.Image:
    grey = Image.new("L", (SIDE, SIDE), 255)
    return Image.merge("LA", (grey, Image.fromarray((mask > 0) * np.uint8(255))))


FORMATS: dict[str, Callable[[Classes], Image.Image]] = {
    "indices": indices, "palette": palette, "colours": colours, "opacity": opacity,
}  # fmt: skip
WHITE: dict[str, Callable[[NDArray[np.bool_]], Image.Image]] = {
    "255": lambda region: Image.fromarray(region * np.uint8(255)),
    "16 bits": lambda region: Image.fromarray(region * np.uint16(65535)),
    "RGB": lambda region: Image.fromarray(region * np.uint8(255)).convert("RGB"),
    "1": lambda region: Image.fromarray(region * np.uint8(1)),
    "bits": lambda region: Image.fromarray(region * np.uint8(255)).convert("1"),
}


def save(folder: Path, images: list[Image.Image]) -> list[FileContent]:
    folder.mkdir()
    for number, image in enumerate(images):
        image.save(folder / f"{number}.png")
    return [FileContent(str(folder / f"{number}.png")) for number in range(len(images))]


def drawn(contents: list[FileContent], trained: MaskReading | None) -> NDArray[np.bool_]:
    """``(masks, regions, SIDE, SIDE)``, as they are read after such a training."""
    read = read_alike(contents, "masks", trained)
    return np.stack([read(content).draw((SIDE, SIDE)) > 127 for content in contents])


def trainings(folder: Path, kind: str, masks: list[Classes]) -> tuple[MaskReading, NDArray]:
    """The reading of a training with such masks, and where its region is on these."""
    red, green, blue = COLOURS[2].tolist()
    values = {"value 2": 2, "colour 2": (red, green, blue)}
    stacked = np.stack(masks)[:, None]
    if kind in FORMATS:
        contents = save(folder, [FORMATS[kind](mask) for mask in masks])
        return MaskReading(kind=tell_kind(contents, "masks")), stacked > 0
    if kind in values:
        return MaskReading(values=((values[kind],),)), stacked == 2
    return MaskReading(values=((1, 3),)), np.isin(stacked, [1, 3])


KINDS = (*FORMATS, "value 2", "values 1 and 3", "colour 2")


@given(
    st.sampled_from(KINDS), st.sampled_from([*FORMATS, *WHITE]), st.integers(1, 8),
    st.integers(1, 3), st.integers(0, 10**6),
)  # fmt: skip
@settings(max_examples=150)
def test_masks_that_are_read_show_the_region_of_the_training(
    tmp_path_factory: pytest.TempPathFactory,
    trained: str,
    saved: str,
    count: int,
    present: int,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("masks")
    reading, _ = trainings(folder / "train", trained, classes(12, seed))
    assert MaskReading.from_json(reading.to_json()) == reading
    masks = classes(count, seed + 1, present=present)
    region = trainings(folder / "new", trained, masks)[1]
    if saved in WHITE:
        images = [WHITE[saved](mask[0]) for mask in region]
    else:
        images = [FORMATS[saved](mask) for mask in masks]
    contents = save(folder / "masks", images)
    try:
        seen = drawn(contents, reading)
    except UserError as error:
        assert "\n" not in str(error)
        clear = saved in ("255", "RGB") or (saved == trained and present == 3)
        assert not clear, error
        return
    if saved == "opacity" and trained not in FORMATS:
        # What is opaque is a region, whatever the classes were.
        return
    assert np.array_equal(seen, region), (trained, saved)


def test_the_region_is_not_another_class(tmp_path: Path) -> None:
    contents = save(tmp_path / "masks", [indices(mask) for mask in classes(5, 0, present=1)])
    with pytest.raises(UserError, match="masks of 0 and 1, and the run was trained with masks wi"):
        read_alike(contents, "masks", MaskReading(values=((2,),)))


def test_a_border_of_the_training_is_no_region(tmp_path: Path) -> None:
    reading = MaskReading(kind=MaskKind("index", ignored=(255,)))
    contents = save(tmp_path / "masks", [indices(m * 255) for m in classes(5, 0, present=1)])
    with pytest.raises(
        UserError, match="masks of 0 and 255, and the run was trained with masks of"
    ):
        read_alike(contents, "masks", reading)


def test_masks_that_may_be_two_things_are_what_they_were_in_training(tmp_path: Path) -> None:
    contents = save(tmp_path / "masks", [indices(m * 85) for m in classes(9, 0)])
    with pytest.raises(UserError, match=r"masks of the values 85, 170, 255: they may be classes"):
        drawn(contents, None)
    soft = read_alike(contents, "masks", MaskReading(kind=MaskKind("strength", full=255)))
    assert soft(contents[0]).draw((SIDE, SIDE)).max() == 255
    hard = drawn(contents, MaskReading(kind=MaskKind("index", detected=False)))
    assert np.array_equal(hard[:, 0], np.stack(classes(9, 0)) > 0)
