"""Cutting a data set into train, validation and test, where it is not cut already."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import SPLITS
from sedn.data.listing import Listing
from sedn.errors import UserError, did_you_mean

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_ALIASES = {
    "training": "train",
    **dict.fromkeys(("val", "valid", "dev", "validating", "minival"), "validation"),
    **dict.fromkeys(("testing", "holdout"), "test"),
}

Splits = NDArray[np.str_]


def split_name(name: str, where: str) -> str:
    """The split that ``name`` means: ``val``, ``valid``, ``dev`` and ``val2017`` are validation.

    Raises:
        UserError: it means none.
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

    Of data without splits, train, validation and test get 70, 15 and 15 % of the groups; of data
    that lacks validation or test alone, 15 % of its training groups become it. Images of no group
    are each their own. Groups are drawn by iterative stratification (Sechidis et al., ECML PKDD
    2011), so that rare labels are in every split.

    Raises:
        UserError: some images have a split and others none, or a split has no image.
    """
    given = np.array(listing.splits, dtype="U10")
    if (given == "").all():
        splits = _draw(listing, np.arange(len(listing)), SHARES, seed)
        return _complete(splits, listing.source)
    if (given == "").any():
        row = int(np.flatnonzero(given == "")[0])
        raise UserError(
            f"{listing.source}: image '{listing.images[row].name}' has no split and others have; "
            f"give one to all or to none"
        )
    missing = [name for name in SPLITS if not (given == name).any()]
    if len(missing) == 1 and missing != ["train"]:
        rows = np.flatnonzero(given == "train")
        shares = {"train": 1 - SHARES[missing[0]], missing[0]: SHARES[missing[0]]}
        given[rows] = _draw(listing, rows, shares, seed)
    return _complete(given, listing.source)


def _draw(listing: Listing, rows: NDArray[np.int64], shares: dict[str, float], seed: int) -> Splits:
    """A split for each of ``rows``, by group."""
    group = _groups(listing)[rows]
    names, members = np.unique(group, return_inverse=True)
    has_label = np.zeros((len(names), len(listing.labels)), dtype=np.int64)
    np.maximum.at(has_label, members, (listing.targets[rows] == 1).astype(np.int64))
    drawn = np.full(len(names), next(iter(shares)), dtype="U10")
    left = np.arange(len(names))
    rest = 1.0
    for others, (name, share) in reversed(list(enumerate(shares.items()))):
        if others == 0 or len(left) < 2:
            break
        taken = min(max(1, round(len(left) * share / rest)), len(left) - 1)
        out = _stratified(has_label[left], taken, seed)
        if not 0 < out.sum() <= len(left) - others:
            # Stratifying rounds for each label, so of few groups, or of labels that one group
            # has, it may leave a split without any.
            out = np.random.default_rng(seed).permutation(len(left)) < taken
        drawn[left[out]] = name
        left, rest = left[~out], rest - share
    return drawn[members]


def _stratified(has_label: NDArray[np.int64], taken: int, seed: int) -> NDArray[np.bool_]:
    """``(groups,)``: which of the groups are taken, about ``taken`` of them, so that each label's
    share is the same on both sides.

    Args:
        has_label: ``(groups, labels)``, 1 where a group has the label.
        taken: how many to take.
        seed: of the draw.
    """
    # The package imports scikit-learn, which takes its time.
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    if has_label.shape[1] == 1:
        # A single column would be taken for a target of two classes and refused; whether a group
        # has not the label is balanced by the same draw.
        has_label = np.hstack([has_label, 1 - has_label])
    stratified = MultilabelStratifiedShuffleSplit(1, test_size=taken, random_state=seed)
    _, rows = next(stratified.split(has_label, has_label))
    out = np.zeros(len(has_label), dtype=bool)
    out[rows] = True
    return out


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
