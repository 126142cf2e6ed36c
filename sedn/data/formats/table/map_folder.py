"""The masks of a table's images in a folder, for a table without a column of maps."""

import os
from collections.abc import Sequence
from pathlib import Path

from sedn.data.folders import files_below
from sedn.data.formats.description import BySplit
from sedn.data.formats.parts import by_split, path_of
from sedn.data.formats.paths import MAP_FOLDERS
from sedn.data.images.content import FileContent
from sedn.data.images.names import SUFFIXES
from sedn.data.maps.mask_files import MaskFiles
from sedn.errors import UserError
from sedn.seen import is_folder


def masks_of_folder(
    images: Sequence[FileContent | None],
    splits: Sequence[str],
    root: Path,
    maps: BySplit,
    folder: Path,
    where: str,
) -> tuple[list[FileContent | None], str]:
    """The mask of each image, ``None`` where there is none, and how many there are.

    Args:
        images: ``None`` where an image is missing.
        splits: of the images.
        root: the folder that paths of images are relative to.
        maps: the folder of the masks, or one for each split.
        folder: what these are relative to.
        where: names the data in messages.

    Raises:
        UserError: a folder cannot be read, a mask may be that of several images, or no image has
            one.
    """
    files = {path: MaskFiles(folder / path) for path in by_split(maps, f"{where}: maps").values()}
    # The trees of masks and images may begin at the folder of the data, or where images lie.
    parents = {Path(image.path).parent for image in images if image is not None}
    roots = {root, Path(os.path.commonpath(parents))} if parents else {root}
    owners: dict[Path, str] = {}
    masks: list[FileContent | None] = []
    for image, split in zip(images, splits, strict=True):
        masks.append(None)
        if image is None:
            continue
        mask = files[path_of(maps, split, f"{where}: maps")].find(Path(image.path), roots)
        if mask is None:
            continue
        masks[-1] = FileContent(str(mask))
        other = owners.setdefault(mask, image.name)
        if other != image.name:
            raise UserError(
                f"{where}: {mask} may be the mask of {other} or of {image.name}; keep masks in "
                f"folders as the images are, or name them in a column 'map'"
            )
    folders = " and ".join(f"'{path}'" for path in files)
    if not owners:
        raise UserError(
            f"{where}: maps: no image has a mask in {folders}; expected masks that are named as "
            f"the images, in folders as these, such as 7.png or 7_mask.png for 7.jpg"
        )
    there = sum(image is not None for image in images)
    return masks, f"maps: in {folders}, by name, of {len(owners):,} of {there:,} images"


def tell_unread(root: Path, folder: Path) -> str:
    """A note on a folder that is called like one of masks, and that nothing names; empty
    where there is none.

    Args:
        root: where it is looked for.
        folder: of the description.
    """
    # Not the listing of the root, in which a search may keep its database.
    for name in (*sorted(MAP_FOLDERS), *sorted(map(str.capitalize, MAP_FOLDERS))):
        below = root / name
        if is_folder(below) and next(files_below(below, SUFFIXES), None):
            field = f"maps: {Path(os.path.relpath(below, folder)).as_posix()}"
            return f"maps: none; '{name}' is not read, which '{field}' in data.yaml does"
    return ""
