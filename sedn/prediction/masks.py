"""Masks that are given with images: in a folder, each by the name of its image."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import Content, FileContent
from sedn.data.listing import Orientation, RegionMap, Size
from sedn.data.maps.mask_files import MaskFiles
from sedn.data.maps.mask_reading import SETTLE, MaskReading, read_alike
from sedn.data.maps.masks import MaskImage, RegionsImage
from sedn.errors import UserError, some_of


@dataclass(frozen=True)
class RegionMasks:
    """A map of several regions, with one mask for each region."""

    masks: tuple[MaskImage | RegionsImage, ...]
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
    """The masks of a folder, each found by the name of its image as :class:`MaskFiles` does.

    Of one region they lie in the folder itself; of several, in a folder below it for each region,
    named by it, or in the folder itself where the training's masks had all regions by value. What
    their pixels mean is detected from the files of each folder together, and must be what those of
    the training meant. Masks lie on the images as shown, unless their size says that they lie on
    them as stored.

    Args:
        folder: where the masks lie.
        regions: names of the regions.
        trained: how the masks of the training were read; ``None`` where that is not known.
        required: whether every image must have a mask.
        roots: the folders in which the images are looked for.

    Raises:
        UserError: there is no such folder, or one for a region is missing or has two masks of
            one name, or it is not clear what the pixels of the masks mean.
    """

    def __init__(
        self,
        folder: Path,
        regions: Sequence[str],
        trained: MaskReading | None,
        *,
        required: bool,
        roots: Collection[Path] = (),
    ) -> None:
        self.folder = folder
        self._required = required
        self._roots = roots
        values = trained if trained is not None and len(trained.values) == len(regions) else None
        below = f"{folder} must hold a folder for each of the regions {some_of(regions)}"
        if len(regions) == 1 or (values and not any((folder / name).is_dir() for name in regions)):
            self._names: tuple[str, ...] = ("",)
            self._masks = [MaskFiles(folder)]
            readings = [trained]
        else:
            self._names = tuple(regions)
            self._masks = [_open(folder / name, below) for name in regions]
            readings = [values and values.of_region(index) for index in range(len(regions))]
        settle = SETTLE if len(self._masks) == len(regions) else below
        self._reads = [
            read_alike([FileContent(str(p)) for p in masks.paths()], str(masks.folder), one, settle)
            for masks, one in zip(self._masks, readings, strict=True)
        ]
        self._images: dict[Path, Path] = {}

    def find(self, image: Path) -> RegionMap | None:
        """The mask of an image, or ``None`` where there is none and none is required.

        Raises:
            UserError: the image needs a mask and has none, or masks of some regions only; or
                several masks may be that of the image, or one may be that of several images.
        """
        paths = [masks.find(image, self._roots) for masks in self._masks]
        given = [path for path in paths if path is not None]
        if not given and not self._required:
            return None
        if not given:
            raise UserError(
                f"{image}: has no mask in {self.folder}, and every image of the run's data has "
                f"one; expected {image.stem}.png there"
            )
        other = self._images.setdefault(given[0], image)
        if other != image:
            raise UserError(
                f"{given[0]}: is it the mask of {other} or of {image}? Predict images of one name "
                f"apart, each with its own folder of masks, or keep masks in folders as images are"
            )
        if len(given) < len(paths):
            region = self._names[paths.index(None)]
            raise UserError(
                f"{image}: has no mask of region '{region}' in {self.folder / region}; expected "
                f"one of every region, all black where it is not seen"
            )
        masks = tuple(
            read(FileContent(str(path))) for path, read in zip(given, self._reads, strict=True)
        )
        return masks[0] if len(masks) == 1 else RegionMasks(masks)


def _open(folder: Path, below: str) -> MaskFiles:
    """The masks of one of several regions; ``below`` says where they are looked for."""
    try:
        return MaskFiles(folder)
    except UserError as error:
        raise UserError(f"{error}; {below}") from None


def _sides(region: NDArray[np.uint8]) -> str:
    return f"{region.shape[2]} x {region.shape[1]}"
