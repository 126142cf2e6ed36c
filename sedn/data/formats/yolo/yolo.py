"""Images with a label file each, as Ultralytics, Roboflow and other tools write them for YOLO.

A label is 1 where an image has an object of the class; an image without a label file, or with an
empty one, is 0 in all. Classes that no image has are left out; those of one name are one.

Polygons are the map. Where an object has a box alone, the box is, which holds background too,
unless ``boxes: false`` says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sedn.data.dataset import SPLITS
from sedn.data.faults import Faults
from sedn.data.folders import files_below
from sedn.data.formats.description import Description, Regions
from sedn.data.formats.parts import by_split, choose_regions, say_boxes
from sedn.data.formats.paths import PathRule, find_files, find_rule
from sedn.data.formats.targets import labels_that_occur, target_matrix
from sedn.data.formats.yolo.yolo_labels import YoloObject, label_path, read_objects
from sedn.data.images.content import FileContent
from sedn.data.images.names import SUFFIXES
from sedn.data.listing import Listing
from sedn.data.maps.relative_shapes import RelativeMap
from sedn.errors import Question, UserError
from sedn.seen import exists, is_file, is_folder, read_file


class YoloDescription(Description):
    """Images with a label file each, in the layout of YOLO."""

    format: Literal["yolo"]
    images: str | list[str] | dict[str, str | list[str]]
    """Folders of images, or text files that list images, for all images or for each split. Label
    files lie in ``labels`` where images lie in ``images``, or beside the images."""
    names: list[str] | dict[int, str] | None = None
    """The names of the classes, in order or by number."""
    only_boxes: bool = False
    """Whether the numbers after the box of a line are something else, such as keypoints."""
    boxes: bool = True
    """Draw the box of an object without a polygon; a box holds background too."""
    regions: Regions = "any"


@dataclass(frozen=True)
class _Picture:
    """An image and what is annotated in it."""

    content: FileContent
    split: str
    objects: Sequence[YoloObject]
    names: Sequence[str | None]
    """The class of each object; ``None`` if nothing names it."""


def read_yolo(description: YoloDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check the label files of every split; an image with a fault is left out.

    Of an image with an object of a class that nothing names the other labels stay, and its map is
    unknown if the object may belong to a region.

    Raises:
        UserError: a split has no label file, or no image is left.
    """
    classes = _classes(description.names, folder)
    notes: list[str] = []
    pictures, listed = _read_pictures(description, folder, classes, notes, faults)
    named = [[name for name in p.names if name is not None] for p in pictures]
    missing = f"{folder}: no label file names an object; expected a line for each"
    labels = labels_that_occur(classes.values(), named, missing)
    regions, channel = choose_regions(
        description.regions, labels, list(classes.values()), f"{folder}"
    )
    targets = target_matrix([dict.fromkeys(names, 1.0) for names in named], labels)
    maps = _maps(pictures, description, channel, len(regions))
    return Listing(
        source=folder,
        labels=labels,
        regions=regions,
        images=tuple(picture.content for picture in pictures),
        maps=maps,
        targets=targets,
        splits=tuple(picture.split for picture in pictures),
        groups=(),
        skipped=listed - len(pictures),
        notes=(
            f"labels: {len(labels)} by class of object; an image without such an object has none",
            *notes,
            _say_maps(pictures, boxes=description.boxes),
        ),
    )


def _read_pictures(
    description: YoloDescription,
    folder: Path,
    classes: Mapping[int, str],
    notes: list[str],
    faults: Faults,
) -> tuple[list[_Picture], int]:
    """The images of all splits without a fault, and the number of all images.

    Raises:
        UserError: a split has no image or no label file, or no image is left.
    """
    pictures: list[_Picture] = []
    listed = 0
    for split, places in _places(description, folder, notes).items():
        images = [
            image for place in places for image in _find_images(folder / place, folder, faults)
        ]
        listed += len(images)
        there = [image for image in images if image is not None]
        if not there:
            raise UserError(f"{folder}: images: {', '.join(places)} holds no image")
        pictures += _read_split(there, split, classes, description, notes, faults)
    pictures = _distinct(pictures, faults)
    if not pictures:
        raise UserError(f"{folder}: no image is left")
    return pictures, listed


def _classes(names: Sequence[str] | Mapping[int, str] | None, folder: Path) -> dict[int, str]:
    """The name of each class by its number."""
    if not names:
        raise Question(
            f"{folder}: label files number the classes, and nothing names them; say their names in "
            f"order with names:",
            field="names",
        )
    return dict(names) if isinstance(names, Mapping) else dict(enumerate(names))


def _places(
    description: YoloDescription, folder: Path, notes: list[str]
) -> dict[str, tuple[str, ...]]:
    """The folders and lists of the images of each split; not of those that are not there, or are
    those of another split.
    """
    given = description.images if isinstance(description.images, dict) else {"": description.images}
    paths = {
        key: (value,) if isinstance(value, str) else tuple(value) for key, value in given.items()
    }
    if "" not in paths:
        where = f"{folder}: images"
        split_of = by_split({key: key for key in paths}, where)
        paths = {split: paths[split_of[split]] for split in SPLITS if split in split_of}
    kept: dict[str, tuple[str, ...]] = {}
    for split, places in paths.items():
        same = next((other for other, theirs in kept.items() if theirs == places), None)
        missing = next((place for place in places if not exists(folder / place)), None)
        if same is not None:
            notes.append(f"splits: {split} left out, since its images are those of {same}")
        elif missing is None:
            kept[split] = places
        elif split in ("", "train"):
            raise UserError(f"{folder}: images: '{missing}': no such folder or list")
        else:
            notes.append(f"splits: {split} left out, since there is no '{missing}'")
    return kept


def _find_images(place: Path, folder: Path, faults: Faults) -> list[str | None]:
    """The paths of the images in a folder and below, or in a text file that lists them, relative to
    the folder of the data; ``None`` for one that is missing.
    """
    if is_folder(place):
        return [f"{place}/{name}" for name in files_below(place, SUFFIXES)]
    try:
        lines = read_file(place).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{place}: cannot be read: {error}") from None
    names = [line.strip() for line in lines if line.strip()]
    rule = find_rule(names, folder, str(place)) or PathRule()
    contents = find_files(
        names,
        rule,
        folder,
        lambda row: f"{place}: line {row + 1}:",
        lambda _, error: faults.add("missing file", error),
    )
    return [None if content is None else content.path for content in contents]


def _read_split(
    images: Sequence[str],
    split: str,
    classes: Mapping[int, str],
    description: YoloDescription,
    notes: list[str],
    faults: Faults,
) -> list[_Picture]:
    paths = [[p for p in label_path(image) if is_file(p)] for image in images]
    without = sum(not files for files in paths)
    if without == len(images):
        of_split = f" of {split}" if split else ""
        raise UserError(
            f"{label_path(images[0])[0]}: no such label file, and none of the other images"
            f"{of_split} has one; where nobody labelled them, leave them out of images:"
        )
    if without:
        of_split = f" of {split}" if split else ""
        notes.append(f"labels: {without:,} images{of_split} without a label file have none")
    pictures = []
    for image, files in zip(images, paths, strict=True):
        path = Path(files[0]) if files else None
        try:
            objects = read_objects(path, only_boxes=description.only_boxes) if path else []
        except Question:
            raise
        except UserError as error:
            faults.add("bad annotation", error)
            continue
        names = [classes.get(item.number) for item in objects]
        for number in {item.number for item in objects} - set(classes):
            faults.add("bad annotation", f"{path}: {_unknown(classes, number)}")
        pictures.append(_Picture(FileContent(image), split, objects, names))
    return pictures


def _unknown(classes: Mapping[int, str], number: int) -> str:
    return f"class {number}, but names has {len(classes)}, from {min(classes)} to {max(classes)}"


def _distinct(pictures: Sequence[_Picture], faults: Faults) -> list[_Picture]:
    """The images without those that are there twice; one of them stays if both say the same."""
    first: dict[str, _Picture] = {}
    useless = set()
    for picture in pictures:
        path = picture.content.path
        other = first.setdefault(path, picture)
        if other is picture:
            continue
        parts = f" (splits {other.split}, {picture.split})" if picture.split else ""
        faults.add(
            "duplicate", f"{path}: the image is there twice{parts}; name it under images: once"
        )
        if (other.split, other.objects) != (picture.split, picture.objects):
            useless.add(path)
    return [picture for path, picture in first.items() if path not in useless]


def _maps(
    pictures: Sequence[_Picture],
    description: YoloDescription,
    channel: Mapping[str, int],
    regions: int,
) -> tuple[RelativeMap | None, ...]:
    """The map of each image; ``None`` where an object of a region has no place. None at all where
    objects have boxes alone that are not drawn, since empty maps would tell which images have no
    label.
    """
    objects = [item for picture in pictures for item in picture.objects]
    if not description.boxes and all(item.is_box for item in objects):
        return (None,) * len(pictures)
    return tuple(
        _draw_from(picture, channel, regions, boxes=description.boxes)
        if not (description.regions == "any" and None in picture.names)
        else None
        for picture in pictures
    )


def _draw_from(
    picture: _Picture, channel: Mapping[str, int], regions: int, *, boxes: bool
) -> RelativeMap | None:
    drawn = [
        (channel[name], item)
        for name, item in zip(picture.names, picture.objects, strict=True)
        if name is not None and name in channel
    ]
    if not boxes and any(item.is_box for _, item in drawn):
        return None
    return RelativeMap(regions, tuple((region, item.polygon) for region, item in drawn))


def _say_maps(pictures: Sequence[_Picture], *, boxes: bool) -> str:
    objects = [item for picture in pictures for item in picture.objects]
    count = sum(item.is_box for item in objects)
    polygons = f"maps: polygons of {len(objects) - count:,} objects"
    if not boxes:
        none = "maps: none, since no object has a polygon"
        return none if count == len(objects) else polygons
    if count < len(objects):
        return f"{polygons}{say_boxes(count)}"
    return f"maps: the boxes of {count:,} objects, which hold background too"
