"""Maps of images that EXIF turns: they lie where their objects are, or a question is asked."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.images.decoding import decode_sample
from sedn.data.listing import Listing
from sedn.errors import UserError

UNDO = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1), 6: np.rot90,
    7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1), 8: lambda a: np.rot90(a, -1),
}  # fmt: skip
"""From an image as shown to the image as stored, by EXIF's orientation."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def shown_picture(size: tuple[int, int], box: Box) -> np.ndarray:
    width, height = size
    pixels = np.full((height, width, 3), 40, dtype=np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 230
    return pixels


def save_picture(path: Path, shown: np.ndarray, orientation: int) -> np.ndarray:
    """Save as a camera does; the pixels as stored."""
    stored = np.ascontiguousarray(UNDO[orientation](shown))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(path, exif=exif, quality=95)
    return stored


def box_of(pixels: np.ndarray) -> Box:
    rows, columns = np.nonzero(pixels[..., 0] > 128)
    return (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def write_coco(
    folder: Path, pictures: list[tuple[tuple[int, int], Box, int]], points: str, sizes: str
) -> Path:
    """COCO's JSON with polygons on the images as ``points`` says, and sizes as ``sizes`` says."""
    images, annotations = [], []
    for index, (size, box, orientation) in enumerate(pictures):
        shown = shown_picture(size, box)
        stored = save_picture(folder / f"{index}.jpg", shown, orientation)
        left, top, right, bottom = box_of(shown if points == "shown" else stored)
        high, wide = (shown if sizes == "shown" else stored).shape[:2]
        images.append({"id": index, "file_name": f"{index}.jpg", "width": wide, "height": high})
        polygon = [left, top, right, top, right, bottom, left, bottom]
        annotation = {"id": index, "image_id": index, "category_id": 1 + index % 2}
        annotations.append(annotation | {"segmentation": [polygon]})
    categories = [{"id": 1, "name": "bag"}, {"id": 2, "name": "hat"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "a.json").write_text(json.dumps(document))
    return folder / "a.json"


def agreement(listing: Listing) -> float:
    """The least correlation of an image with its map."""
    found = []
    for image, region_map in zip(listing.images, listing.maps, strict=True):
        pixels, drawn = decode_sample(image, region_map, 1, 32)
        found.append(np.corrcoef(pixels[..., 0].ravel(), drawn[0].ravel())[0, 1])
    return float(min(found))


SMALL = ((48, 36), (16, 12, 28, 20))
"""A box that fits the image whichever side is up."""
WIDE = ((48, 36), (20, 6, 46, 20))
TALL = ((36, 48), (8, 24, 20, 46))


def test_sizes_as_shown_tell_how_all_lie(tmp_path: Path) -> None:
    pictures = [(*SMALL, orientation) for orientation in (1, 3, 6, 2, 8)]
    assert agreement(read_listing(write_coco(tmp_path, pictures, "shown", "shown"))) > 0.9


@pytest.mark.parametrize("points", ["shown", "stored"])
def test_points_beyond_a_side_tell_how_all_lie(points: str, tmp_path: Path) -> None:
    pictures = [(*SMALL, 6), (*WIDE, 8), (*SMALL, 3), (*TALL, 6), (*SMALL, 1), (*SMALL, 5)]
    assert agreement(read_listing(write_coco(tmp_path, pictures, points, "stored"))) > 0.9


@pytest.mark.parametrize("points", ["shown", "stored"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_where_nothing_tells_a_question_is_asked(
    points: str, orientation: int, tmp_path: Path
) -> None:
    pictures = [(*SMALL, 1), (*SMALL, orientation)]
    path = write_coco(tmp_path, pictures, points, "stored")
    with pytest.raises(UserError, match=r"1\.jpg: EXIF turns this image.*'orientation: shown'"):
        read_listing(path)
    described = {"format": "coco", "annotations": "a.json", "orientation": points}
    (tmp_path / "data.yaml").write_text(json.dumps(described))
    assert agreement(read_listing(tmp_path)) > 0.9


def write_masks(folder: Path, orientations: list[int], size: tuple[int, int], lies: str) -> Path:
    rows = ["image,mask,bag"]
    for index, orientation in enumerate(orientations):
        shown = shown_picture(size, (4, 4, 20, 12))
        stored = save_picture(folder / f"{index}.jpg", shown, orientation)
        mask = (shown if lies == "shown" else stored)[..., 0] > 128
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(folder / f"{index}.png")
        rows.append(f"{index}.jpg,{index}.png,{index % 2}")
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    return folder / "data.csv"


@pytest.mark.parametrize("lies", ["shown", "stored"])
def test_masks_of_quarter_turns_tell_how_those_of_half_turns_lie(lies: str, tmp_path: Path) -> None:
    path = write_masks(tmp_path, [1, 3, 6, 4], (48, 36), lies)
    assert agreement(read_listing(path)) > 0.9


@pytest.mark.parametrize("size", [(48, 36), (40, 40)])
def test_masks_of_half_turns_alone_are_a_question(size: tuple[int, int], tmp_path: Path) -> None:
    path = write_masks(tmp_path, [1, 3 if size == (48, 36) else 6], size, "stored")
    with pytest.raises(UserError, match="EXIF turns this image"):
        read_listing(path)
    (tmp_path / "data.yaml").write_text("table: data.csv\norientation: stored\n")
    assert agreement(read_listing(tmp_path)) > 0.9


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from([SMALL, WIDE, TALL])), min_size=1),
    st.sampled_from(["shown", "stored"]),
    st.booleans(),
)
def test_polygons_lie_where_their_objects_are_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, tuple[tuple[int, int], Box]]],
    points: str,
    sizes_are_stored: bool,
) -> None:
    sizes = "stored" if points == "stored" or sizes_are_stored else "shown"
    pictures = [(size, box, orientation) for orientation, (size, box) in drawn]
    path = write_coco(tmp_path_factory.mktemp("coco"), pictures, points, sizes)
    try:
        listing = read_listing(path)
        assert agreement(listing) > 0.9
    except UserError as error:
        assert "EXIF turns this image" in str(error)
