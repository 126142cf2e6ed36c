"""CSVs of Open Images: labels that people verified, and masks of single objects.

The images are those that have a label. A label is 1 where people found it and 0 where they found
that it is not there; it is unknown where they were not asked, and where they disagree. Classes that
no image has are left out; those of one name are one. An image has a map if it has a mask of an
object in one of the regions; where it has none, people may not have drawn any.

Where faults are left out, a row of an unknown class or with another confidence says nothing of its
image, and the map of an image is unknown if one of its masks is missing.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.description import BySplit, Description, Regions
from sedn.data.formats.parts import by_split, choose_regions, path_of
from sedn.data.formats.table_file import read_frame
from sedn.data.images.content import FileContent, find_file
from sedn.data.images.names import ImageFolder
from sedn.data.listing import Listing
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import ObjectMasks
from sedn.data.near_names import near_name
from sedn.errors import UserError, did_you_mean
from sedn.seen import see_content

if TYPE_CHECKING:
    import pandas as pd


class OpenImagesDescription(Description):
    """CSVs of Open Images."""

    format: Literal["open-images"]
    images: BySplit
    image_labels: BySplit
    """Labels that people verified: ``ImageID``, ``LabelName``, ``Confidence``."""
    classes: str
    """``class-descriptions…csv``: an identifier and a name in each row."""
    segmentations: BySplit | None = None
    """``…-annotations-object-segmentation.csv``: ``MaskPath``, ``ImageID``, ``LabelName``."""
    masks: BySplit | None = None
    """Folders of the masks."""
    regions: Regions = "any"


@dataclass(frozen=True)
class _Mask:
    """The mask of one object."""

    image: str
    name: str | None
    """Of the class; ``None`` if it is unknown."""
    content: FileContent | None
    """``None`` if it is missing."""


def read_open_images(description: OpenImagesDescription, folder: Path, faults: Faults) -> Listing:
    """Read and check the CSVs of every split.

    Raises:
        UserError: a CSV cannot be read, or no image is left.
    """
    classes = _read_classes(folder / description.classes)
    names = list(dict.fromkeys(classes.values()))
    paths = by_split(description.image_labels, f"{folder}: image_labels")
    images: dict[str, FileContent | None] = {}
    split_of: dict[str, str] = {}
    verified, masks = [], []
    for split, name in paths.items():
        path = folder / name
        frame = _read_labels(path, classes, faults)
        verified.append(frame)
        root = folder / path_of(description.images, split, f"{folder}: images")
        found = _find_images(frame, root, path, faults)
        for image in found:
            if image in images:
                said = f"{path}: image '{image}' is in split {split_of[image]} too"
                faults.add("duplicate", said)
                found[image] = None
        images |= found
        split_of |= dict.fromkeys(found, split)
        masks += _read_masks(description, split, folder, classes, faults)
    source = path if len(paths) == 1 else folder
    there = {name: content for name, content in images.items() if content is not None}
    if not there:
        raise UserError(f"{source}: no image is left")
    labels, targets = _targets(verified, list(there), names, source)
    regions, maps = _draw_from(description, masks, list(there), names, source)
    return Listing(
        source=source,
        labels=labels,
        regions=regions,
        images=tuple(there.values()),
        maps=maps,
        targets=targets,
        splits=tuple(split_of[name] for name in there),
        groups=(),
        skipped=len(images) - len(there),
    )


def _read_classes(path: Path) -> dict[str, str]:
    """The name of each class by its identifier."""
    classes: dict[str, str] = {}
    see_content(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                if len(row) != 2:
                    raise UserError(
                        f"{path}: line {number}: {len(row)} fields; expected an identifier and a "
                        f"name"
                    )
                classes[row[0]] = row[1].strip()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{near_name(str(path))}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV: {error}") from None
    return classes


def _read_labels(path: Path, classes: dict[str, str], faults: Faults) -> "pd.DataFrame":
    """``ImageID``, ``name`` of the class, and ``there``: 1 or 0.

    A row with another confidence, or of an unknown class, says nothing of its image.
    """
    import pandas as pd

    frame = _read_columns(path, ("ImageID", "LabelName", "Confidence"), classes, faults)
    frame["there"] = pd.to_numeric(frame["Confidence"], errors="coerce")
    wrong = ~frame["there"].isin([0, 1])
    for number, said in frame["Confidence"][wrong].items():
        faults.add(
            "bad cell",
            f"{path}: row {number}: Confidence is '{said}'; expected 1 or 0, as of labels that "
            f"people verified",
        )
    frame.loc[wrong, "there"] = np.nan
    return frame


def _find_images(
    frame: "pd.DataFrame", root: Path, path: Path, faults: Faults
) -> dict[str, FileContent | None]:
    """The image of each identifier; ``None`` where it is missing."""
    images = frame["ImageID"].drop_duplicates()
    pictures = ImageFolder(root)
    found: dict[str, FileContent | None] = {}
    for number, image in images.items():
        try:
            found[image] = pictures.find(image or "", f"{path}: row {number}: ImageID")
        except UserError as error:
            faults.add("missing file", error)
            found[image] = None
    return found


def _read_columns(
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


def _read_masks(
    description: OpenImagesDescription,
    split: str,
    folder: Path,
    classes: dict[str, str],
    faults: Faults,
) -> list[_Mask]:
    """The masks of a split, if it has any."""
    if description.segmentations is None:
        return []
    segmentations = by_split(description.segmentations, f"{folder}: segmentations")
    if split not in segmentations and "" not in segmentations:
        return []
    if description.masks is None:
        raise UserError(f"{folder}: segmentations without masks, the folder of their PNGs")
    path = folder / path_of(description.segmentations, split, f"{folder}: segmentations")
    root = folder / path_of(description.masks, split, f"{folder}: masks")
    frame = _read_columns(path, ("MaskPath", "ImageID", "LabelName"), classes, faults)
    masks = []
    rows = zip(frame.index, frame["MaskPath"], frame["ImageID"], frame["name"], strict=True)
    for number, mask, image, name in rows:
        content = None
        try:
            content = find_file(root, mask or "", f"{path}: row {number}: MaskPath")
        except UserError as error:
            faults.add("missing file", error)
        masks.append(_Mask(image, name if isinstance(name, str) else None, content))
    return masks


def _targets(
    verified: "list[pd.DataFrame]", images: list[str], names: list[str], source: Path
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels that some image has, and targets ``(images, labels)``."""
    import pandas as pd

    rows = pd.concat(verified)
    has = set(rows["name"][rows["there"] == 1])
    labels = tuple(name for name in names if name in has)
    if not labels:
        raise UserError(f"{source}: no image has a label with Confidence 1")
    rows = rows[rows["name"].isin(has)]
    rows = rows[rows["there"].isin([0, 1]) & rows["ImageID"].isin(images)]
    image = pd.Index(images).get_indexer(pd.Index(rows["ImageID"]))
    label = pd.Index(labels).get_indexer(pd.Index(rows["name"]))
    there = rows["there"].to_numpy() == 1
    targets = np.full((len(images), len(labels)), np.nan, dtype=np.float32)
    targets[image[there], label[there]] = 1
    disagree = targets[image[~there], label[~there]] == 1
    targets[image[~there], label[~there]] = np.where(disagree, np.nan, 0)
    return labels, targets


def _draw_from(
    description: OpenImagesDescription,
    masks: list[_Mask],
    images: list[str],
    names: list[str],
    source: Path,
) -> tuple[tuple[str, ...], tuple[ObjectMasks | None, ...]]:
    """The regions, and the map of each image."""
    drawn = {mask.name for mask in masks}
    present = [name for name in names if name in drawn]
    regions, channel = choose_regions(description.regions, present, names, str(source))
    of_image: dict[str, list[tuple[int, FileContent]]] = {}
    # Images of whose objects one cannot be drawn, or may belong to any region.
    unclear = set()
    for mask in masks:
        may_be_any = mask.name is None and description.regions == "any"
        if may_be_any or (mask.name in channel and mask.content is None):
            unclear.add(mask.image)
        elif mask.name in channel and mask.content is not None:
            of_image.setdefault(mask.image, []).append((channel[mask.name], mask.content))
    kind = tell_kind(
        [content for drawn in of_image.values() for _, content in drawn],
        f"{source}: masks",
        settle="save masks in black and white",
    )
    return regions, tuple(
        ObjectMasks(len(regions), tuple(of_image[image]), kind)
        if image in of_image and image not in unclear
        else None
        for image in images
    )


OPEN_IMAGES = DataFormat(
    title="Open Images",
    description=OpenImagesDescription,
    read=read_open_images,
    paths=("images", "image_labels", "classes", "segmentations", "masks", "splits"),
)
