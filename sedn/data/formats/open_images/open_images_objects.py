"""The objects of Open Images, their masks and boxes, and the maps that are made of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedn.data.faults import Faults
from sedn.data.formats.description import BySplit
from sedn.data.formats.open_images.description import OpenImagesDescription
from sedn.data.formats.parts import by_split, choose_regions, path_of, say_boxes
from sedn.data.formats.table_file import read_frame
from sedn.data.images.content import FileContent, find_file
from sedn.data.listing import RegionMap
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import ObjectMasks
from sedn.data.maps.relative_shapes import RelativeMap, corners
from sedn.data.maps.shapes import Polygon
from sedn.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Object:
    """An object, and its place in the image."""

    image: str
    name: str | None
    """The name of the class; ``None`` if the class is unknown."""
    place: "FileContent | Polygon | None"
    """Its mask or its box; ``None`` if that is missing, or wrong."""


def read_columns(
    path: Path, columns: tuple[str, ...], classes: dict[str, str], faults: Faults
) -> "pd.DataFrame":
    """The columns, and the ``name`` of each row's class; nothing where there is no such class."""
    frame = read_frame(path, faults)
    for column in columns:
        if column not in frame.columns:
            raise UserError(f"{path}: no column '{column}'{did_you_mean(column, frame.columns)}")
    frame = frame[list(columns)]
    names = frame["LabelName"].map(classes)
    for number, name in frame["LabelName"][names.isna()].items():
        faults.add("bad cell", f"{path}: row {number}: LabelName '{name}' is none of the classes")
    return frame.assign(name=names)


def read_masks(
    description: OpenImagesDescription,
    split: str,
    folder: Path,
    classes: dict[str, str],
    faults: Faults,
) -> list[Object]:
    """Read the masks of a split; none if the split has no masks."""
    path = _table_of(description.segmentations, split, folder, "segmentations")
    if path is None:
        return []
    if description.masks is None:
        raise UserError(f"{folder}: segmentations without masks, the folder of their PNGs")
    root = folder / path_of(description.masks, split, f"{folder}: masks")
    frame = read_columns(path, ("MaskPath", "ImageID", "LabelName"), classes, faults)
    masks = []
    rows = zip(frame.index, frame["MaskPath"], frame["ImageID"], frame["name"], strict=True)
    for number, mask, image, name in rows:
        content = None
        try:
            content = find_file(root, mask or "", f"{path}: row {number}: MaskPath")
        except UserError as error:
            faults.add("missing file", error)
        masks.append(Object(image, name if isinstance(name, str) else None, content))
    return masks


def read_boxes(
    description: OpenImagesDescription,
    split: str,
    folder: Path,
    classes: dict[str, str],
    faults: Faults,
) -> list[Object]:
    """Read the boxes of a split; none if the split has no boxes."""
    import pandas as pd

    path = _table_of(description.boxes, split, folder, "boxes")
    if path is None:
        return []
    sides = ("XMin", "XMax", "YMin", "YMax")
    frame = read_columns(path, ("ImageID", "LabelName", *sides), classes, faults)
    places = frame[[*sides]].apply(pd.to_numeric, errors="coerce")
    is_wrong = ~places.apply(lambda column: column.between(0, 1)).all(axis=1)
    boxes = []
    rows = zip(
        frame.index, frame["ImageID"], frame["name"], places.to_numpy(), is_wrong, strict=True
    )
    for number, image, name, (left, right, top, bottom), wrong in rows:
        if wrong:
            fault = "a side is no number from 0 to 1, a share of the image's"
            faults.add("bad annotation", f"{path}: row {number}: {fault}")
        box = corners((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        boxes.append(Object(image, name if isinstance(name, str) else None, None if wrong else box))
    return boxes


def draw_objects(
    description: OpenImagesDescription,
    masks: list[Object],
    boxes: list[Object],
    images: list[str],
    names: list[str],
    source: Path,
) -> tuple[tuple[str, ...], tuple[RegionMap | None, ...], str]:
    """The regions, the map of each image, and how maps are read."""
    drawn = {item.name for item in (*masks, *boxes)}
    present = [name for name in names if name in drawn]
    regions, channel = choose_regions(description.regions, present, names, str(source))
    of_all = description.regions == "any"
    with_masks = _by_image(masks, channel, of_all=of_all)
    with_boxes = _by_image(boxes, channel, of_all=of_all)
    contents = [place for objects in with_masks.values() for _, place in objects or ()]
    kind = tell_kind(
        [content for content in contents if isinstance(content, FileContent)],
        f"{source}: masks",
        settle="save masks in black and white",
    )
    maps: list[RegionMap | None] = []
    count = 0
    for image in images:
        objects, others = with_masks.get(image), with_boxes.get(image)
        if image in with_masks or not others:
            maps.append(ObjectMasks(len(regions), objects, kind) if objects else None)
        else:
            maps.append(RelativeMap(len(regions), others))
            count += len(others)
    with_map = sum(region_map is not None for region_map in maps)
    note = f"maps: masks{say_boxes(count)}, of {with_map:,} of {len(images):,} images"
    return regions, tuple(maps), note if with_map else "maps: none, since no image has a mask"


def _by_image(
    objects: list[Object], channel: dict[str, int], *, of_all: bool
) -> dict[str, tuple[tuple[int, Any], ...] | None]:
    """The region and the place of each object in a region, by image; ``None`` for an image one of
    whose objects has no place, or may belong to any region.
    """
    rows: dict[str, list[tuple[int, Any]]] = {}
    unclear = set()
    for item in objects:
        if (item.name is None and of_all) or (item.name in channel and item.place is None):
            unclear.add(item.image)
        elif item.name is not None and item.name in channel:
            rows.setdefault(item.image, []).append((channel[item.name], item.place))
    places = {image: tuple(places) for image, places in rows.items()}
    return {**places, **dict.fromkeys(unclear)}


def _table_of(tables: BySplit | None, split: str, folder: Path, what: str) -> Path | None:
    """The table of a split's objects; ``None`` where the data, or the split, has none."""
    where = f"{folder}: {what}"
    if tables is None or not {split, ""} & by_split(tables, where).keys():
        return None
    return folder / path_of(tables, split, where)
