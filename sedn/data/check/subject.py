"""A data set as it is checked: what its tables say, and a look at each of its images."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from sedn.config import DataConfig
from sedn.data.check.links import links_outside
from sedn.data.dataset import SPLITS, Dataset, cut
from sedn.data.digits import scenes as digits
from sedn.data.faults import Fault
from sedn.data.identity import Progress
from sedn.data.images.content import Content
from sedn.data.images.decoding import decode_sample, open_image, read_header
from sedn.data.images.levels import FULL, value_range
from sedn.data.kept import open_listing
from sedn.data.listing import Listing
from sedn.data.loading import data_path, prepare_dataset
from sedn.data.maps.shapes import ShapeMap
from sedn.data.splits.cutting import Splits, assign_splits, describe_drawn, missed_shares
from sedn.errors import UserError


@dataclass(frozen=True)
class Sample:
    """One image, decoded by the code that decodes for training."""

    digest: str
    """Equal for files of equal content."""
    width: int
    """The width of the file in pixels, turned as its EXIF says."""
    height: int
    image: NDArray[np.uint8]
    """``(size, size, 3)``, RGB."""
    region_map: NDArray[np.uint8]
    """``(regions, size, size)``, 0 to 255."""
    beyond: float = 0.0
    """By which part of a side a polygon leaves the image."""
    brightest: int = 0
    """The greatest value of an image of 16 bits; 0 for another."""
    frames: int = 1
    """How many frames the file holds, as an animation or a stack does."""


@dataclass(frozen=True)
class Subject:
    """A data set, its images not read yet."""

    name: str
    labels: tuple[str, ...]
    regions: tuple[str, ...]
    names: tuple[str, ...]
    """The names of the images."""
    splits: Splits
    """``(images,)``."""
    splits_given: bool
    """Whether the splits are the data's own."""
    groups: tuple[str, ...]
    """The groups of the images, as in a :class:`~sedn.data.listing.Listing`."""
    targets: NDArray[np.float32]
    """``(images, labels)``: 1, 0, or NaN where the truth is unknown."""
    map_known: NDArray[np.bool_]
    """``(images,)``."""
    image_size: int
    """The size to which training would decode an image, in pixels a side."""
    missed_shares: tuple[str, ...]
    """Drawn splits whose share of the images a large group spoils, a line each."""
    links: tuple[str, ...]
    """Links that lead out of the data set's folder, a line each."""
    notes: tuple[str, ...]
    """How the data was read, a line for each decision."""
    faults: tuple[Fault, ...]
    """The faults of the tables, without those of the images."""
    look: Callable[[int, int], Sample]
    """``look(row, size)`` decodes an image to ``size`` pixels a side, or gives it as it is where it
    lies in an array; raises UserError where training could not read it."""

    def __len__(self) -> int:
        return len(self.names)


def open_subject(config: DataConfig, show: Progress) -> Subject:
    """Open the data set that a configuration names, for the check.

    Raises:
        UserError: there is no such data set, its tables are wrong, or it cannot be cut into splits.
    """
    if config.path == digits.NAME:
        return _of_arrays(prepare_dataset(config, show), config.image_size)
    listing = open_listing(data_path(config.path), config.given(), skip=True)
    splits = assign_splits(listing, config.split_seed)
    skip = config.skip_unreadable
    # The last note is on what was left out, which is a finding here.
    notes = listing.notes[:-1] if listing.faults else listing.notes
    return Subject(
        name=config.path,
        labels=listing.labels,
        regions=listing.regions,
        names=listing.names(np.arange(len(listing))),
        splits=splits,
        splits_given=not describe_drawn(listing, splits),
        groups=listing.groups,
        targets=cut(listing.targets),
        map_known=listing.maps_known(),
        image_size=config.image_size,
        missed_shares=missed_shares(listing, splits),
        links=links_outside(listing),
        notes=(*(listing.notes if skip else notes), *describe_drawn(listing, splits)),
        faults=listing.faults,
        look=partial(_decode, listing),
    )


@dataclass(frozen=True)
class Images:
    """The images of a data set, to look at a few of them."""

    names: tuple[str, ...]
    image_size: int
    """As in a :class:`Subject`."""
    look: Callable[[int, int], Sample]
    """As in a :class:`Subject`."""


def open_images(config: DataConfig) -> Images:
    """Open the images of a data set, without what a check needs beside them.

    Raises:
        UserError: there is no such data set, or its tables are wrong.
    """
    if config.path == digits.NAME:
        return _embedded_images(config.image_size)
    listing = open_listing(data_path(config.path), config.given(), skip=True)
    names = listing.names(np.arange(len(listing)))
    return Images(names, config.image_size, partial(_decode, listing))


def _embedded_images(image_size: int) -> Images:
    """The images of the embedded data set, each drawn when it is looked at."""
    places = [(split, row) for split in SPLITS for row in range(digits.SIZES[split])]
    names = tuple(name for split in SPLITS for name in digits.image_names(split))

    def look(row: int, _: int) -> Sample:
        image, region_map, _targets = digits.draw_image(*places[row], image_size)
        return _sample_of(image, region_map)

    return Images(names, image_size, look)


def _sample_of(image: NDArray[np.uint8], region_map: NDArray[np.uint8]) -> Sample:
    """The sample of an image that is in no file."""
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Sample(digest, image.shape[1], image.shape[0], image, region_map)


def _of_arrays(dataset: Dataset, image_size: int) -> Subject:
    """Open a data set that has no files."""
    splits = [dataset.splits[name] for name in SPLITS]
    places = [(split, row) for split in splits for row in range(len(split))]

    def look(row: int, _: int) -> Sample:
        split, place = places[row]
        return _sample_of(np.asarray(split.images[place]), np.asarray(split.maps[place]))

    return Subject(
        name=dataset.name,
        labels=dataset.labels,
        regions=dataset.regions,
        names=tuple(name for split in splits for name in split.names),
        splits=np.repeat(SPLITS, [len(split) for split in splits]),
        splits_given=True,
        groups=(),
        targets=np.concatenate([split.truth for split in splits]),
        map_known=np.concatenate([split.map_known for split in splits]),
        image_size=image_size,
        missed_shares=(),
        links=(),
        notes=(),
        faults=(),
        look=look,
    )


@dataclass(frozen=True)
class _Held:
    """The bytes of a file that was read."""

    name: str
    data: bytes

    def read(self) -> bytes:
        return self.data

    def stamp(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def _decode(listing: Listing, row: int, size: int) -> Sample:
    content = listing.images[row]
    try:
        held = _Held(content.name, content.read())
    except OSError as error:
        raise UserError(f"{content.name}: cannot be read: {error.strerror or error}") from None
    drawn_from = listing.maps[row]
    image, region_map = decode_sample(held, drawn_from, len(listing.regions), size, listing.levels)
    width, height, frames = _measure(held.data)
    # Points may be of the image as stored, too.
    sizes = ((width, height), (height, width)) if read_header(held).turned else ((width, height),)
    beyond = drawn_from.beyond(sizes) if isinstance(drawn_from, ShapeMap) else 0.0
    all_bits = listing.levels is not None and listing.levels.white == FULL
    brightest = _brightest(held) if all_bits else 0
    return Sample(held.stamp(), width, height, image, region_map, beyond, brightest, frames)


def _brightest(image: Content) -> int:
    depth = read_header(image).depth
    if depth is None or depth == "real":
        return 0
    return int(value_range(open_image(image), depth)[1])


def _measure(data: bytes) -> tuple[int, int, int]:
    """Width and height, turned as EXIF says, and the number of frames."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        lies = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
        # A photograph of a phone may hold a smaller copy of itself.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    return (height, width, frames) if lies else (width, height, frames)
