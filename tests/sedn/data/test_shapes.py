"""Each shape that data come in is read to its truth, or refused with what settles it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.formats.proposal import propose, write_description
from sedn.data.images.decoding import open_image, upright
from sedn.data.listing import Listing
from sedn.errors import UserError
from tests.sedn.data.formats import test_coco_exports, test_voc_exports, test_yolo_exports
from tests.sedn.data.shapes import SHAPES
from tests.sedn.data.shapes.truth import HIGH, REGION, TARGETS, WIDE, Shape, number

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")

EXPORTS: dict[str, Callable[[Path], Any]] = {
    **{f"COCO: {name}": write for name, (write, _) in test_coco_exports.EXPORTS.items()},
    **{f"Pascal VOC: {name}": write for name, (write, _) in test_voc_exports.SHAPES.items()},
    **{f"YOLO: {name}": write for name, (write, _) in test_yolo_exports.SHAPES.items()},
}
EVERY = {
    **{name: Shape(write) for name, write in EXPORTS.items()},
    **{name: shape for name, shape in SHAPES.items() if not name.startswith("open_images")},
}
"""All that needs no description of its own."""


def assert_true(listing: Listing, shape: Shape) -> None:
    """Labels, split, group and map of each image."""
    rows = [number(upright(open_image(image))) for image in listing.images]
    assert sorted(rows) == list(shape.rows)
    assert set(listing.labels) == set(shape.labels)
    columns = [shape.labels.index(label) for label in listing.labels]
    assert np.array_equal(listing.targets, shape.targets[rows][:, columns])
    assert listing.splits == tuple(shape.split(row) for row in rows)
    groups = () if shape.group is None else tuple(shape.group(row) for row in rows)
    assert listing.groups == groups
    for row, region_map in zip(rows, listing.maps, strict=True):
        assert (region_map is not None) == (bool(shape.maps) and row not in shape.unmapped)
        if region_map is not None:
            drawn = Image.fromarray(region_map.draw((WIDE, HIGH)).max(axis=0))
            found = np.asarray(drawn.resize((WIDE, HIGH), Image.Resampling.NEAREST)) > 127
            # Where there are objects of labels alone, an image may have none.
            truth = REGION & (shape.maps == "all" or bool(TARGETS[row].any()))
            assert (found & truth).sum() >= 0.9 * (found | truth).sum(), row


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_to_its_truth_or_refused(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    shape.write(tmp_path)
    path = tmp_path / shape.read
    if not shape.refused:
        assert_true(read_listing(path), shape)
        return
    with pytest.raises(UserError, match=shape.refused) as caught:
        read_listing(path)
    assert len(str(caught.value).splitlines()) == 1
    if shape.settled is not None:
        assert_true(read_listing(path, shape.settled), shape)
    elif shape.skip:
        assert "`skip_unreadable`" in str(caught.value)
        assert_true(read_listing(path, skip=True), shape)


def settled(shape: Shape) -> bool:
    return not shape.refused or shape.settled is not None


@pytest.mark.parametrize("name", [n for n in EVERY if settled(EVERY[n])])
def test_what_is_proposed_reads_the_same(name: str, tmp_path: Path) -> None:
    """A description that is written beside the data, and one that is written elsewhere."""
    shape = EVERY[name]
    folder = tmp_path / "data"
    folder.mkdir()
    shape.write(folder)
    expected = read_listing(folder / shape.read, shape.settled)
    proposal = propose(folder / shape.read, shape.settled or {})
    for path in (folder / "described.yaml", tmp_path / "described.yaml"):
        write_description(proposal, path)
        found = read_listing(path)
        assert found.labels == expected.labels
        assert np.array_equal(found.targets, expected.targets, equal_nan=True)
        assert (found.splits, found.groups) == (expected.splits, expected.groups)
        assert [i.read() for i in found.images] == [i.read() for i in expected.images]
        assert [m is None for m in found.maps] == [m is None for m in expected.maps]
