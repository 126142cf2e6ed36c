"""Errors of a data set, on which training would fail, and warnings."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sedn.data.check.counting import Counts
from sedn.data.check.duplicates import BITS, LIMIT, NearDuplicate
from sedn.data.check.inspection import Inspection
from sedn.data.check.subject import Subject
from sedn.data.dataset import SPLITS
from sedn.data.faults import OPTION, say_counts
from sedn.style import count_of, share_text

Level = Literal["error", "warning"]
FEWEST = 10
"""With fewer positives or negatives than this, the interval of an AUC says nothing."""
LEAST_COVERED = 0.005
"""A region that covers less of the images at their median, or that leaves less, is implausible."""
FAINT = 0.3
"""A region whose strongest pixel is below this is implausible."""


@dataclass(frozen=True)
class Finding:
    """A kind of error or warning, and all places that have it."""

    level: Level
    kind: str
    """A short name that stays the same: ``unreadable``, ``near-duplicates``."""
    message: str
    """The error or warning in one line."""
    where: tuple[str, ...] = ()
    """The affected images or labels, a few words each."""


def find_faults(
    subject: Subject,
    inspection: Inspection,
    counts: Counts,
    exact: Sequence[tuple[int, ...]],
    near: Sequence[NearDuplicate],
    *,
    skip_unreadable: bool,
) -> tuple[Finding, ...]:
    """Collect all errors and warnings.

    Args:
        subject: the data set.
        inspection: of its images.
        counts: of its images.
        exact: rows of equal files.
        near: near duplicates across splits.
        skip_unreadable: whether training leaves out images that cannot be read.
    """
    return (
        *_faults(subject, skip_unreadable),
        *_unreadable(inspection, skip_unreadable),
        *_unlearnable(subject, counts),
        *_unmeasurable(subject, counts),
        *_equal_labels(subject, counts),
        *_leaking_groups(subject),
        *_large_groups(subject),
        *_duplicates(subject, exact),
        *_near_duplicates(subject, near),
        *_maps(subject, counts),
        *_implausible_maps(counts),
        *_faint_maps(subject, inspection),
        *_links(subject),
    )


def _faults(subject: Subject, skip: bool) -> Iterator[Finding]:
    """Report the faults of the tables by kind."""
    for fault in subject.faults:
        advice = "; left out" if skip else f"; {OPTION} leaves out what is wrong"
        kind = f"{fault.kind}s".replace(" ", "-").replace("entrys", "entries")
        yield Finding(
            "warning" if skip else "error", kind, f"{say_counts([fault])}{advice}", fault.places
        )


def _unreadable(inspection: Inspection, skip: bool) -> Iterator[Finding]:
    others = inspection.other_sizes
    unreadable = sorted(item for item in inspection.unreadable.items() if item[0] not in others)
    if reasons := tuple(reason for _, reason in unreadable):
        message = f"{count_of(len(reasons), 'image')} cannot be read, or not with the map"
        advice = " and would be left out" if skip else "; `skip_unreadable` leaves them out"
        yield Finding("warning" if skip else "error", "unreadable", message + advice, reasons)


def _unlearnable(subject: Subject, counts: Counts) -> Iterator[Finding]:
    for name, split in counts.splits.items():
        if not split.images:
            yield Finding("error", "empty-split", f"no image of {name} can be read")
    train = counts.splits["train"]
    where, labels = [], set()
    for index, label in enumerate(subject.labels if train.images else ()):
        for word in ("positives", "negatives"):
            if not getattr(train, word)[index]:
                others = sum(getattr(split, word)[index] for split in counts.splits.values())
                never = "" if others else " and in no other split"
                where.append(f"{label}: no {word} in train{never}")
                labels.add(label)
    if where:
        message = f"{count_of(len(labels), 'label')} without positives, or negatives, to learn from"
        yield Finding("error", "unlearnable-labels", message, tuple(where))


def _unmeasurable(subject: Subject, counts: Counts) -> Iterator[Finding]:
    """Report labels whose AUC validation or test cannot measure, or only imprecisely."""
    for name in SPLITS[1:]:
        split = counts.splits[name]
        counted = [
            f"{label}: {split.positives[i]} positive, {split.negatives[i]} negative"
            for i, label in enumerate(subject.labels)
        ]
        undefined = tuple(counted[i] for i in np.flatnonzero(split.rarest == 0))
        few = tuple(
            counted[i] for i in np.flatnonzero((split.rarest > 0) & (split.rarest < FEWEST))
        )
        if undefined and split.images:
            message = f"{count_of(len(undefined), 'label')} of one class in {name}: no AUC there"
            yield Finding("warning", f"no-auc-in-{name}", message, undefined)
        if few:
            message = (
                f"{count_of(len(few), 'label')} with fewer than {FEWEST} positives or negatives "
                f"in {name}: too few for an interval of the AUC"
            )
            yield Finding("warning", f"few-in-{name}", message, few)


def _equal_labels(subject: Subject, counts: Counts) -> Iterator[Finding]:
    labels = subject.labels
    if where := tuple(f"{labels[a]} = {labels[b]}" for a, b in counts.equal):
        message = f"{count_of(len(where), 'pair')} of labels with the same truth in every image"
        yield Finding("warning", "equal-labels", message, where)


def _leaking_groups(subject: Subject) -> Iterator[Finding]:
    splits = defaultdict(set)
    for group, split in zip(subject.groups, subject.splits.tolist(), strict=False):
        if group:
            splits[group].add(split)
    where = tuple(
        f"{group}: {_listed(names)}" for group, names in sorted(splits.items()) if len(names) > 1
    )
    if where:
        message = f"{count_of(len(where), 'group')} in several splits: scores will be too good"
        yield Finding("warning", "group-leaks", message, where)


def _large_groups(subject: Subject) -> Iterator[Finding]:
    if where := subject.missed_shares:
        message = "a group is too large for the shares of the splits: groups are never parted"
        yield Finding("warning", "large-groups", message, where)


def _duplicates(subject: Subject, exact: Sequence[tuple[int, ...]]) -> Iterator[Finding]:
    """Equal files, by whether they lie in one split, and whether their labels agree."""
    kinds: dict[str, list[str]] = {"across": [], "within": [], "labels": []}
    for rows in exact:
        names = " = ".join(_placed(subject, row) for row in rows)
        kinds["across" if len({*subject.splits[list(rows)]}) > 1 else "within"].append(names)
        if differing := _differing_labels(subject, rows):
            kinds["labels"].append(f"{names}: {', '.join(differing)}")
    messages = {
        "across": ("duplicates-across-splits", "in several splits: scores will be too good"),
        "within": ("duplicates-within-split", "several times in one split"),
        "labels": ("duplicates-labelled-differently", "several times, with different labels"),
    }
    for kind, (name, message) in messages.items():
        if where := tuple(kinds[kind]):
            yield Finding("warning", name, f"{count_of(len(where), 'image')} {message}", where)


def _differing_labels(subject: Subject, rows: tuple[int, ...]) -> list[str]:
    targets = subject.targets[list(rows)]
    differs = (targets == 0).any(axis=0) & (targets == 1).any(axis=0)
    return [subject.labels[index] for index in np.flatnonzero(differs)]


def _near_duplicates(subject: Subject, near: Sequence[NearDuplicate]) -> Iterator[Finding]:
    where = tuple(
        f"{_placed(subject, pair.row)} ~ {_placed(subject, pair.other)}: "
        f"{count_of(pair.distance, 'bit')}"
        for pair in near
    )
    if where:
        message = (
            f"{count_of(len(where), 'image')} much like one in an earlier split: perceptual hashes "
            f"differ in at most {LIMIT} of {BITS} bits"
        )
        yield Finding("warning", "near-duplicates", message, where)


def _maps(subject: Subject, counts: Counts) -> Iterator[Finding]:
    images = sum(split.images for split in counts.splits.values())
    without = {name: split.without_map for name, split in counts.splits.items()}
    if (missing := sum(without.values())) and images:
        message = f"{missing:,} of {count_of(images, 'image')} without a map"
        if missing == images:
            message = "no image has a map"
        split = ((name, n) for name, n in without.items() if n and missing < images)
        where = tuple(f"{name}: {count_of(n, 'image')}" for name, n in split)
        yield Finding("warning", "no-map", message, where)
    nowhere = tuple(
        part.region for part in counts.coverage if part.spread and part.spread.greatest == 0
    )
    if nowhere:
        message = f"{count_of(len(nowhere), 'region')} on no map at all"
        yield Finding("warning", "empty-regions", message, nowhere)


def _links(subject: Subject) -> Iterator[Finding]:
    if where := subject.links:
        message = f"{count_of(len(where), 'link')} to files outside of the data's folder: followed"
        yield Finding("warning", "links-outside", message, where)


def _implausible_maps(counts: Counts) -> Iterator[Finding]:
    """Regions that cover next to nothing or nearly all: often masks of another meaning."""
    where = tuple(
        f"{part.region}: {share_text(part.typical, 2)} of the images where it is, at the median"
        for part in counts.coverage
        if part.typical == part.typical and not LEAST_COVERED <= part.typical <= 1 - LEAST_COVERED
    )
    if where:
        message = (
            f"{count_of(len(where), 'region')} on next to nothing or nearly all of the images: "
            f"look at the contact sheet (-o), whether the maps mean something else"
        )
        yield Finding("warning", "implausible-coverage", message, where)


def _faint_maps(subject: Subject, inspection: Inspection) -> Iterator[Finding]:
    """Maps on which a region is, but nowhere strong: often levels of another scale."""
    strongest = inspection.strongest
    # Small objects are faint in a small image too.
    faint = (strongest > 0) & (strongest < FAINT) & (inspection.coverage >= LEAST_COVERED)
    where = tuple(
        f"{subject.names[row]}: {subject.regions[region]} at most "
        f"{share_text(float(strongest[row, region]), 0)}"
        for row, region in np.argwhere(faint)
    )
    if where:
        least = share_text(FAINT, 0)
        message = (
            f"{count_of(len(where), 'map')} on which a region is nowhere stronger than {least}"
        )
        yield Finding("warning", "faint-maps", message, where)


def _placed(subject: Subject, row: int) -> str:
    return f"{subject.names[row]} ({subject.splits[row]})"


def _listed(names: set[str]) -> str:
    return ", ".join(name for name in SPLITS if name in names)
