"""Masks that are given with images: in a folder, each by the name of its image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import Content, FileContent
from sedn.data.images.names import is_image
from sedn.data.listing import Orientation, RegionMap, Size
from sedn.data.maps.mask_kinds import MaskKind
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import MaskImage
from sedn.errors import UserError


@dataclass(frozen=True)
class RegionMasks:
    """A map of several regions, with one mask for each region."""

    masks: tuple[MaskImage, ...]
    orientation: Orientation | None = "shown"

    @property
    def contents(self) -> Sequence[Content]:
        """One file for each region."""
        return tuple(mask.content for mask in self.masks)

    def describe(self) -> str:
        """Say that there is one file for each region."""
        return "a mask for each region"

    def lies(self, stored: Size, shown: Size) -> Orientation | None:
        """How the size of the first says that all lie on a turned image."""
        return self.masks[0].lies(stored, shown)

    def draw(self, size: Size) -> NDArray[np.uint8]:
        """The map ``(regions, height, width)``, 0 to 255, in the masks' own size.

        Raises:
            UserError: a mask cannot be decoded, or the masks differ in size.
        """
        drawn = [mask.draw(size) for mask in self.masks]
        for mask, region in zip(self.masks, drawn, strict=True):
            if region.shape != drawn[0].shape:
                raise UserError(
                    f"{mask.content.name}: mask of {_sides(region)} pixels beside one of "
                    f"{_sides(drawn[0])}, {self.masks[0].content.name}; they must be equal"
                )
        return np.concatenate(drawn)


class MaskFolder:
    """The masks of a folder, which have the stems of their images: ``7.png`` for ``photo/7.jpg``.

    Of one region they lie in the folder itself; of several, in a folder below it for each region,
    named by it. The meaning of their pixels is detected from the files of each folder together.
    Masks lie on the images as shown, unless their size says that they lie on them as stored.

    Args:
        folder: where the masks lie.
        regions: names of the regions.
        required: whether every image must have a mask.

    Raises:
        UserError: there is no such folder, or one for a region is missing or has two masks of
            one stem, or it is not clear what the pixels of the masks mean.
    """

    def __init__(self, folder: Path, regions: Sequence[str], *, required: bool) -> None:
        self._folder = folder
        self._regions = regions
        self._required = required
        folders = [folder / region for region in regions] if len(regions) > 1 else [folder]
        self._masks = [_index(path, folder, regions) for path in folders]
        self._kinds = [_tell(masks, path) for masks, path in zip(self._masks, folders, strict=True)]
        self._images: dict[str, Path] = {}

    def find(self, image: Path) -> RegionMap | None:
        """The mask of an image, or ``None`` where there is none and none is required.

        Raises:
            UserError: the image needs a mask and has none, or masks of some regions only; or
                another image has the same stem, so that the mask may be either's.
        """
        paths = [masks.get(image.stem) for masks in self._masks]
        given = [path for path in paths if path is not None]
        if not given and not self._required:
            return None
        if not given:
            raise UserError(
                f"{image}: has no mask in {self._folder}, and every image of the run's data has "
                f"one; expected {image.stem}.png there"
            )
        other = self._images.setdefault(image.stem, image)
        if other != image:
            raise UserError(
                f"{given[0]}: is it the mask of {other} or of {image}? Predict images of one name "
                f"apart, each with its own folder of masks"
            )
        if len(given) < len(paths):
            region = self._regions[paths.index(None)]
            raise UserError(
                f"{image}: has no mask of region '{region}' in {self._folder / region}; expected "
                f"one of every region, all black where it is not seen"
            )
        masks = tuple(
            MaskImage(FileContent(str(path)), kind, orientation="shown")
            for path, kind in zip(given, self._kinds, strict=True)
        )
        return masks[0] if len(masks) == 1 else RegionMasks(masks)


def _index(folder: Path, root: Path, regions: Sequence[str]) -> dict[str, Path]:
    """The masks of a folder by stem."""
    try:
        names = sorted(path.name for path in folder.iterdir() if is_image(path.name))
    except OSError as error:
        below = f" with a folder for each of the regions {', '.join(regions)}"
        raise UserError(
            f"{folder}: cannot be read as a folder of masks: {error.strerror}; {root} must be a "
            f"folder{below if len(regions) > 1 else ''}"
        ) from None
    masks: dict[str, Path] = {}
    for name in names:
        path = folder / name
        if masks.setdefault(path.stem, path) != path:
            raise UserError(f"{path}: and {masks[path.stem].name} are masks of one name; keep one")
    return masks


def _tell(masks: Mapping[str, Path], folder: Path) -> MaskKind:
    contents = [FileContent(str(path)) for path in masks.values()]
    return tell_kind(contents, str(folder), settle="save masks in black and white")


def _sides(region: NDArray[np.uint8]) -> str:
    return f"{region.shape[2]} x {region.shape[1]}"
