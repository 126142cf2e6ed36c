"""Cutting a data set into train, validation and test, where it is not cut already."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SPLITS, cut
from sedn.data.listing import Listing
from sedn.data.splits.stratification import draw_groups, draw_images
from sedn.errors import UserError, did_you_mean
from sedn.style import share_text

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_MISSED = 0.2
"""A drawn split misses its share if it is off by more than this part of it."""
_ALIASES = {
    "training": "train",
    **dict.fromkeys(("val", "valid", "dev", "validating", "minival"), "validation"),
    **dict.fromkeys(("testing", "holdout"), "test"),
}

Splits = NDArray[np.str_]


def split_name(name: str, where: str) -> str:
    """The split that ``name`` means: ``val``, ``valid``, ``dev`` and ``val2017`` are validation.

    Raises:
        UserError: the name means no split.
    """
    if not name.strip() or is_split(name):
        return _plain(name)
    hint = did_you_mean(_plain(name), SPLITS) or f"; expected {', '.join(SPLITS)}"
    raise UserError(f"{where}: unknown split '{name}'{hint}")


def is_split(name: str) -> bool:
    """Whether a split is called so."""
    return _plain(name) in SPLITS


def _plain(name: str) -> str:
    plain = re.sub(r"[-_ ]?(19|20)\d\d$", "", name.strip().lower())
    return _ALIASES.get(plain, plain)


def assign_splits(listing: Listing, seed: int) -> Splits:
    """``(images,)``: the split of each image: the data's own, or drawn where it has none.

    Of data without splits, train, validation and test get 70, 15 and 15 % of the images; of data
    that lacks validation, test or both, 15 % of its training images become each. Images of one
    group stay together; rare labels are in every split.

    Raises:
        UserError: some images have a split and others none, or a split has no image.
    """
    given = np.array(listing.splits, dtype="U10")
    if (given == "").any() and (given != "").any():
        row = int(np.flatnonzero(given == "")[0])
        raise UserError(
            f"{listing.source}: image '{listing.images[row].name}' has no split and others have; "
            f"give one to all or to none"
        )
    rows, shares = _to_draw(given)
    if shares:
        given[rows] = _draw(listing, rows, shares, seed)
    return _complete(given, listing.source)


def describe_drawn(listing: Listing, splits: Splits) -> tuple[str, ...]:
    """What was drawn, in a line; nothing where all splits are the data's own."""
    given = np.array(listing.splits, dtype="U10")
    _, shares = _to_draw(given)
    if not shares:
        return ()
    what = " and ".join([name for name in shares if name != "train"])
    drawn = f"splits: {what} drawn from train" if any(listing.splits) else "splits: drawn"
    counts = ", ".join(f"{(splits == name).sum():,} {name}" for name in SPLITS)
    return (f"{drawn}, by group: {counts}" if listing.groups else f"{drawn}: {counts}",)


def missed_shares(listing: Listing, splits: Splits) -> tuple[str, ...]:
    """The drawn splits whose share of the images is far from what it should be, since a group is
    too large, each in a line.
    """
    rows, shares = _to_draw(np.array(listing.splits, dtype="U10"))
    if not shares or not listing.groups or not len(rows):
        return ()
    group = np.array(listing.groups)[rows]
    names, counts = np.unique(group[group != ""], return_counts=True)
    if not len(names):
        return ()
    largest = (
        f"group '{names[counts.argmax()]}' alone has {share_text(counts.max() / len(rows), 0)}"
    )
    counted = {name: int((splits[rows] == name).sum()) for name in shares}
    # In images: of shares, one image more or less would be rounded to more than one.
    return tuple(
        f"{name}: {share_text(counted[name] / len(rows), 0)} of the images instead of "
        f"{share_text(share, 0)}; {largest}"
        for name, share in shares.items()
        if abs(counted[name] - share * len(rows)) > max(1, _MISSED * share * len(rows))
    )


def _to_draw(given: Splits) -> tuple[NDArray[np.int64], dict[str, float]]:
    """The rows whose split is to be drawn, and the share of each split among them."""
    if (given == "").all():
        return np.arange(len(given)), SHARES
    missing = [name for name in SPLITS if not (given == name).any()]
    rows = np.flatnonzero(given == "train")
    if not missing or not len(rows):
        return rows[:0], {}
    shares = {name: SHARES[name] for name in missing}
    return rows, {"train": 1 - sum(shares.values()), **shares}


def _draw(listing: Listing, rows: NDArray[np.int64], shares: dict[str, float], seed: int) -> Splits:
    """A split for each of ``rows``, by group."""
    has_label = (cut(listing.targets[rows]) == 1).astype(np.int64)
    names, members = np.unique(_groups(listing)[rows], return_inverse=True)
    parts = list(shares.values())
    if len(names) == len(rows):
        drawn = draw_images(has_label, parts, seed)
    else:
        positives = np.zeros((len(names), has_label.shape[1]), dtype=np.int64)
        np.add.at(positives, members, has_label)
        drawn = draw_groups(np.bincount(members), positives, parts, seed)[members]
    return np.array(list(shares))[drawn]


def _groups(listing: Listing) -> NDArray[np.int64]:
    """``(images,)``: a number for each group; images of no group have one each."""
    if not listing.groups:
        return np.arange(len(listing))
    names, number = np.unique(np.array(listing.groups), return_inverse=True)
    alone = np.array(listing.groups) == ""
    return np.where(alone, len(names) + np.arange(len(listing)), number)


def _complete(splits: Splits, source: Path) -> Splits:
    for name in SPLITS:
        if not (splits == name).any():
            raise UserError(f"{source}: no image in split '{name}'; each split needs images")
    return splits
