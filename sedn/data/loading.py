"""From a configuration to its data set."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.config import DataConfig
from sedn.data.cache.checksums import find_damage
from sedn.data.cache.decoded import BROKEN, decode_listing, verify_listing
from sedn.data.cache.entry import LAYOUT, open_entry, write_entry
from sedn.data.cache.folder import build_folder, has_room, remove_damaged
from sedn.data.dataset import Dataset, cut
from sedn.data.digits import scenes as digits
from sedn.data.faults import Faults
from sedn.data.identity import Identity, Progress, identify
from sedn.data.images.on_demand import decode_on_demand
from sedn.data.kept import open_listing
from sedn.data.listing import Listing
from sedn.data.maps.mask_reading import MaskReading
from sedn.data.near_names import near_name
from sedn.data.splits.cutting import assign_splits
from sedn.data.splits.folding import draw_folds
from sedn.errors import UserError, did_you_mean
from sedn.files import cache_folder

EMBEDDED = (digits.NAME,)
_WHAT = "the image cache"


@lru_cache(maxsize=4)
def load_dataset(config: DataConfig) -> Dataset:
    """The data set of a configuration; decoded at the first call on this machine, then mapped.

    Where the cache's disk has no room for it, its images are decoded whenever they are read.

    Raises:
        UserError: there is no such data set, or something in it is wrong.
    """
    return prepare_dataset(config)


def forget_datasets() -> None:
    """Let the next :func:`load_dataset` read data again: another program, or the user of a
    notebook, may have changed them since. What trains, searches or combines begins with this.
    """
    load_dataset.cache_clear()


def prepare_dataset(
    config: DataConfig, show: Progress = lambda *_: None, folds: int | None = None
) -> Dataset:
    """Load a data set like :func:`load_dataset`, and call ``show`` with the progress of the
    decoding.

    Where ``folds`` are named, the data set is refused before an image is decoded if it cannot be
    cut so.
    """
    if config.path == digits.NAME:
        _refuse_others(config, digits.fingerprint())
        entry = _entry(digits.fingerprint(), config.image_size)
        build_folder(
            entry, lambda draft: write_entry(draft, digits.build_digits(config.image_size)), _WHAT
        )
        return open_entry(entry)
    listing = open_listing(data_path(config.path), config.given(), skip=config.skip_unreadable)
    if folds is not None:
        _check_folds(listing, folds, config.split_seed)
    identity = identify(listing, config.split_seed, show)
    _refuse_others(config, identity.fingerprint)
    check_learnable(listing.source, listing.labels, listing.targets[identity.splits == "train"])
    dataset, broken = _decoded(listing, identity, config.image_size, show)
    if broken:
        _refuse_broken(config, broken)
        train = dataset.splits["train"].targets
        check_learnable(listing.source, listing.labels, train)
        for name, split in dataset.splits.items():
            if not len(split):
                raise UserError(f"{listing.source}: no image of split '{name}' can be read")
    return replace(
        _grouped(dataset, listing),
        levels=listing.levels,
        mask_reading=MaskReading.of_maps(listing.maps),
        notes=listing.notes,
    )


def find_cache_damage(config: DataConfig, show: Progress = lambda *_: None) -> str | None:
    """Compare all bytes of a data set's cache with their checksums; say what is damaged.

    ``None`` where nothing is, or nothing is cached. A damaged entry is removed, and made again when
    the data are opened next.

    Raises:
        UserError: there is no such data set, or a damaged entry cannot be removed.
    """
    if config.path == digits.NAME:
        fingerprint = digits.fingerprint()
    else:
        listing = open_listing(data_path(config.path), config.given(), skip=config.skip_unreadable)
        fingerprint = identify(listing, config.split_seed, show).fingerprint
    entry = _entry(fingerprint, config.image_size)
    damage = find_damage(entry, sample=None) if entry.exists() else None
    if damage is not None:
        remove_damaged(entry, damage)
    return damage


def data_path(path: str) -> Path:
    """The path of a data set that is not embedded.

    Raises:
        UserError: there is nothing at the path.
    """
    try:
        if Path(path).exists():
            return Path(path)
    except OSError as error:
        raise UserError(f"data '{path}': cannot be read: {error.strerror}") from None
    raise UserError(
        f"data '{path}': no such file or folder, and no embedded data set "
        f"({', '.join(EMBEDDED)}){near_name(path) or did_you_mean(path, EMBEDDED)}"
    )


def check_learnable(source: Path, labels: Sequence[str], train: NDArray[np.float32]) -> None:
    """See that every label has positive and negative images to learn from.

    Args:
        source: what a message names.
        labels: the labels.
        train: targets of the training images ``(images, labels)``.

    Raises:
        UserError: one has not.
    """
    truth = cut(train)
    for index, label in enumerate(labels):
        for value, word in ((1, "positive"), (0, "negative")):
            if not np.any(truth[:, index] == value):
                raise UserError(
                    f"{source}: label '{label}' has no {word} image in the train split; "
                    f"add some or leave the label out"
                )


def _decoded(
    listing: Listing, identity: Identity, size: int, show: Progress
) -> tuple[Dataset, list[str]]:
    """The data set without the images that cannot be read, and why they cannot be."""
    entry = _entry(identity.fingerprint, size)
    pixels = len(listing) * size**2 * (3 + len(listing.regions))
    if not entry.exists() and not has_room(pixels):
        return _on_demand(listing, identity, size, show)
    build_folder(entry, lambda draft: decode_listing(draft, listing, identity, size, show), _WHAT)
    broken: list[str] = json.loads((entry / BROKEN).read_text(encoding="utf-8"))
    return open_entry(entry), broken


def _on_demand(
    listing: Listing, identity: Identity, size: int, show: Progress
) -> tuple[Dataset, list[str]]:
    """Every image is decoded once to see that it can be, and again whenever it is read."""
    verified = cache_folder() / f"{identity.fingerprint}-verified-v{LAYOUT}"
    build_folder(
        verified, lambda draft: verify_listing(draft, listing, identity, size, show), _WHAT
    )
    reasons = json.loads((verified / BROKEN).read_text(encoding="utf-8"))
    broken = {int(position): reason for position, reason in reasons.items()}
    return decode_on_demand(listing, identity, size, broken), list(broken.values())


def _check_folds(listing: Listing, folds: int, seed: int) -> None:
    """See that train and validation can be cut into so many folds."""
    rows = np.flatnonzero(assign_splits(listing, seed) != "test")
    groups = [listing.groups[row] for row in rows] if listing.groups else ()
    try:
        draw_folds(listing.targets[rows], listing.labels, groups, folds, seed)
    except UserError as error:
        raise UserError(f"{listing.source}: {error}") from None


def _grouped(dataset: Dataset, listing: Listing) -> Dataset:
    """The data set with the group of each image, which no cache holds."""
    if not any(listing.groups):
        return dataset
    names = listing.names(np.arange(len(listing)))
    groups = dict(zip(names, listing.groups, strict=True))
    splits = {
        name: replace(split, groups=tuple(groups[image] for image in split.names))
        for name, split in dataset.splits.items()
    }
    return replace(dataset, splits=splits)


def _entry(fingerprint: str, size: int) -> Path:
    """The place in the cache of a data set."""
    return cache_folder() / f"{fingerprint}-{size}-v{LAYOUT}"


def _refuse_others(config: DataConfig, fingerprint: str) -> None:
    """Check that the data are those that the configuration means, if it means any."""
    if config.fingerprint not in ("", fingerprint):
        raise UserError(
            f"data '{config.path}': images, maps, labels or splits are others than those of "
            f"data.fingerprint ({config.fingerprint}), so test images may be ones that the search "
            f"saw; undo the change, or leave out data.fingerprint"
        )


def _refuse_broken(config: DataConfig, broken: list[str]) -> None:
    """Check that images which cannot be read may be left out."""
    if config.skip_unreadable:
        return
    faults = Faults(config.path)
    for reason in broken:
        faults.add("unreadable file", reason)
    raise faults.error()
