"""Attributes of COCO's annotations as labels: taken, refused with both readings, or left out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedn.data.formats import read_listing
from sedn.data.formats.coco.coco_attributes import (
    Noted,
    attribute_targets,
    choose_attributes,
    note_attributes,
)
from sedn.errors import Question, UserError
from tests.sedn.data import fixtures
from tests.sedn.data.fixtures import COLOURS, COUNT, HEIGHT, TARGETS, WIDTH, draw_picture

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")


def cvat(folder: Path, categories: Sequence[str] = ("garment",), **more: Any) -> None:
    """A garment in each image, of which attributes say what is to be learned."""
    (folder / "images").mkdir()
    for row in range(COUNT):
        draw_picture(row).save(folder / f"images/{row:03d}.jpg")
    document = {
        "images": [
            {"id": i + 1, "file_name": f"{i:03d}.jpg", "width": WIDTH, "height": HEIGHT}
            for i in range(COUNT)
        ],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(categories)],
        "annotations": [
            {
                "id": i + 1, "image_id": i + 1, "category_id": 1 + i % len(categories),
                "segmentation": [[2, 2, 20, 2, 20, 20, 2, 20]], "iscrowd": 0,
                "attributes": {
                    "occluded": bool(i % 2), "striped": bool(TARGETS[i, 1]),
                    "colour": "red" if TARGETS[i, 0] else "blue", **more,
                },
            }
            for i in range(COUNT)
        ],
    }  # fmt: skip
    path = folder / "annotations/instances_default.json"
    path.parent.mkdir()
    path.write_text(json.dumps(document))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "annotations/instances_default.json"
    document = json.loads(path.read_text())
    for annotation in document["annotations"]:
        change(annotation)
    path.write_text(json.dumps(document))


TRUTH = np.stack([1 - TARGETS[:, 0], TARGETS[:, 0], TARGETS[:, 1]], axis=1)
"""Of colour=blue, colour=red and striped."""


def assert_true(folder: Path, given: dict[str, Any] | None = None) -> tuple[str, ...]:
    listing = read_listing(folder, given)
    found = dict(zip(listing.labels, listing.targets.T, strict=True))
    truth = dict(zip(("colour=blue", "colour=red", "striped"), TRUTH.T, strict=True))
    assert found.keys() == truth.keys()
    for label, column in found.items():
        assert np.array_equal(column, truth[label]), label
    assert all(region_map is not None for region_map in listing.maps)
    return listing.notes


def test_attributes_are_the_labels_where_no_category_can_be(tmp_path: Path) -> None:
    cvat(tmp_path, size=3, note="a")
    edit(tmp_path, lambda a: a["attributes"].update(serial=f"no. {a['id']}", size=a["id"] % 4))
    said = assert_true(tmp_path)
    assert (
        "labels: 3 by attribute of the annotations (striped, colour); unknown where no annotation "
        "has it"
    ) in said
    assert (
        "left out: attributes 'occluded' (how it is seen), 'size' (numbers), 'note' (one value), "
        "'serial' (text)"
    ) in said


def test_where_both_may_be_meant_both_are_offered(tmp_path: Path) -> None:
    cvat(tmp_path, ("garment", "bag"))
    said = (
        r"the labels may be the categories \(bag, garment\), or attributes of the annotations "
        r"\(striped, colour\); say which with attributes: none, or attributes: all, or a list"
    )
    with pytest.raises(Question, match=said) as caught:
        read_listing(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    none, everything = caught.value.answers
    assert_true(tmp_path, dict(everything))
    assert read_listing(tmp_path, everything).fields == {"attributes": ["striped", "colour"]}
    listing = read_listing(tmp_path, dict(none))
    assert listing.labels == ("garment", "bag")
    assert np.array_equal(listing.targets[:, 1], np.arange(COUNT) % 2)
    assert_true(tmp_path, {"attributes": ["colour", "striped"]})
    assert read_listing(tmp_path, {"attributes": ["striped"]}).labels == ("striped",)
    named = read_listing(tmp_path, {"attributes": ["colour"], "labels": ["colour=red"]})
    assert np.array_equal(named.targets, TARGETS[:, :1])


def test_how_objects_are_seen_is_no_label(tmp_path: Path) -> None:
    cvat(tmp_path, ("garment", "bag"))
    edit(tmp_path, lambda a: a.update(attributes={"occluded": a["id"] % 2 == 0, "rotation": 0.0}))
    assert read_listing(tmp_path).labels == ("garment", "bag")


def test_what_no_annotation_has_is_unknown(tmp_path: Path) -> None:
    cvat(tmp_path)
    edit(tmp_path, lambda a: a["attributes"].pop("striped") if a["id"] == 8 else None)
    edit(tmp_path, lambda a: a["attributes"].update(colour="") if a["id"] == 9 else None)
    listing = read_listing(tmp_path, {"attributes": "all"})
    unknown = np.argwhere(np.isnan(listing.targets)).tolist()
    at = {label: column for column, label in enumerate(listing.labels)}
    assert sorted(unknown) == sorted(
        [[7, at["striped"]], [8, at["colour=blue"]], [8, at["colour=red"]]]
    )


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["color"], "no annotation has 'color'; did you mean 'colour'"),
        (["zzz"], "no annotation has 'zzz'; there are occluded, striped, colour, torn"),
        (["torn"], "'torn' is false in every annotation"),
    ],
)
def test_wrong_attributes_are_refused(tmp_path: Path, wanted: list[str], said: str) -> None:
    cvat(tmp_path, torn=False)
    with pytest.raises(UserError, match=said):
        read_listing(tmp_path, {"attributes": wanted})


def test_none_that_recurs_cannot_be_taken(tmp_path: Path) -> None:
    cvat(tmp_path)
    edit(tmp_path, lambda a: a.update(attributes={"serial": f"no. {a['id']}"}))
    with pytest.raises(UserError, match="attributes: none has values that recur; name those to"):
        read_listing(tmp_path, {"attributes": "all"})


@pytest.mark.parametrize("wanted", ["none", ["none"]])
def test_fashionpedia_by_category(tmp_path: Path, wanted: Any) -> None:
    folder = fixtures.write_fashionpedia(tmp_path)
    assert read_listing(folder).labels == COLOURS
    assert read_listing(folder, {"attributes": "all"}).labels == COLOURS
    assert read_listing(folder, {"attributes": wanted}).labels == fixtures.CLASSES
    with pytest.raises(UserError, match="attributes: all or none of Fashionpedia's; see labels:"):
        read_listing(folder, {"attributes": ["red"]})


VALUES = st.sampled_from(["red", "blue", "dark green", "none"])
ANNOTATIONS = st.lists(st.fixed_dictionaries({}, optional={"colour": VALUES, "new": st.booleans()}),
                       max_size=3)  # fmt: skip


@given(st.lists(ANNOTATIONS, min_size=1, max_size=12))
def test_targets_say_what_annotations_say(images: list[list[dict[str, Any]]]) -> None:
    noted: list[Noted] = []
    for annotations in images:
        noted.append({})
        for attributes in annotations:
            note_attributes(attributes, noted[-1])
    values = {(k, v) for annotations in images for a in annotations for k, v in a.items()}
    wanted = sorted({k for k, v in values if v is not False})
    if not wanted:
        return
    chosen, _ = choose_attributes(wanted, noted, [set()] * len(images), "x")
    labels, targets = attribute_targets(chosen, noted)
    expected = {f"{k}={v}" if k == "colour" else k for k, v in values if v is not False}
    assert set(labels) == expected
    for row, annotations in enumerate(images):
        for column, label in enumerate(labels):
            name, _, value = label.partition("=")
            said = [a[name] for a in annotations if name in a]
            truth = float((value or True) in said) if said else np.nan
            assert np.array_equal(targets[row, column], truth, equal_nan=True)
