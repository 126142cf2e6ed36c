"""CSVs of Open Images: labels that people verified, and masks of single objects.

The images are those that have a label. A label is 1 where people saw it and 0 where they saw
that it is not there; it is unknown where they were not asked, and where they disagree. Classes that
no image has are left out; those of one name are one. An image has a map if it has a mask of an
object in one of the regions; where it has none, people may not have drawn any. Where boxes are
named, they are the map of an image without masks.

Where faults are left out, a row of an unknown class or with another confidence says nothing of its
image, and the map of an image is unknown if one of its masks is missing.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.open_images.description import OpenImagesDescription
from sedn.data.formats.parts import by_split, path_of
from sedn.data.images.content import FileContent
from sedn.data.images.names import ImageFolder
from sedn.data.listing import Listing
from sedn.data.near_names import near_name
from sedn.errors import UserError
from sedn.seen import see_content

if TYPE_CHECKING:
    import pandas as pd
from sedn.data.formats.open_images.open_images_objects import (
    Object,
    draw_objects,
    read_boxes,
    read_columns,
    read_masks,
)


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
    verified: list[pd.DataFrame] = []
    masks: list[Object] = []
    boxes: list[Object] = []
    for split, name in paths.items():
        path = folder / name
        frame = _read_labels(path, classes, faults)
        verified.append(frame)
        root = folder / path_of(description.images, split, f"{folder}: images")
        content_of = _find_images(frame, root, path, faults)
        _drop_duplicates(content_of, split_of, path, faults)
        images |= content_of
        split_of |= dict.fromkeys(content_of, split)
        masks += read_masks(description, split, folder, classes, faults)
        boxes += read_boxes(description, split, folder, classes, faults)
    source = path if len(paths) == 1 else folder
    there = {name: content for name, content in images.items() if content is not None}
    if not there:
        raise UserError(f"{source}: no image is left")
    labels, targets = _targets(verified, list(there), names, source)
    regions, maps, note = draw_objects(description, masks, boxes, list(there), names, source)
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
        notes=(f"labels: {len(labels)} that people verified; unknown where they did not", note),
    )


def _drop_duplicates(
    content_of: dict[str, FileContent | None],
    split_of: Mapping[str, str],
    path: Path,
    faults: Faults,
) -> None:
    """Drop the content of images that an earlier split has, and note them as faults."""
    for image in content_of:
        if image in split_of:
            message = f"{path}: image '{image}' is in split {split_of[image]} too"
            faults.add("duplicate", message)
            content_of[image] = None


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

    frame = read_columns(path, ("ImageID", "LabelName", "Confidence"), classes, faults)
    frame["there"] = pd.to_numeric(frame["Confidence"], errors="coerce")
    wrong = ~frame["there"].isin([0, 1])
    for number, cell in frame["Confidence"][wrong].items():
        faults.add(
            "bad cell",
            f"{path}: row {number}: Confidence is '{cell}'; expected 1 or 0, as of labels that "
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
    content_of: dict[str, FileContent | None] = {}
    for number, image in images.items():
        try:
            content_of[image] = pictures.find(image or "", f"{path}: row {number}: ImageID")
        except UserError as error:
            faults.add("missing file", error)
            content_of[image] = None
    return content_of


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
