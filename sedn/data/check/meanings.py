"""Warnings about data that may mean something else: names, polygons, sizes, levels of grey."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from sedn.data.check.findings import Finding
from sedn.data.check.inspection import Inspection
from sedn.data.check.subject import Subject
from sedn.data.dataset import SPLITS
from sedn.data.faults import OPTION
from sedn.data.formats.columns.separators import fold_name
from sedn.data.maps.coverage import CoverageComparison, summarise_shares
from sedn.style import count_of, share_text

SLIP = 0.02
"""A point beyond a side by no more than this part of the side is a slip of the hand."""
DARK = 1 / 4
"""All values of a dark image are below this share of the file's highest possible value."""
_SHORTEST = 5
"""Letters of a name from which on a single other letter is a slip."""


def find_meanings(
    subject: Subject, inspection: Inspection, *, skip_unreadable: bool
) -> Iterator[Finding]:
    """Warn about data that may mean something else than was read.

    Args:
        subject: the data set.
        inspection: of its images.
        skip_unreadable: whether training leaves out images that cannot be read.
    """
    yield from _other_sizes(inspection, skip_unreadable)
    yield from _similar_names(subject.labels)
    yield from _outside(subject, inspection)
    yield from _dark(subject, inspection)
    yield from _frames(subject, inspection)
    yield from _unlike_maps(subject, inspection)


def _other_sizes(inspection: Inspection, skip: bool) -> Iterator[Finding]:
    """Images whose map has another size, since one of them was scaled."""
    sizes = inspection.other_sizes
    if not sizes:
        return
    where = tuple(inspection.unreadable[row] for row in sorted(sizes))
    ratios = Counter(
        round(map_width / width, 2)
        for (map_width, map_height), (width, height) in sizes.values()
        if abs(map_width * height / (map_height * width) - 1) < SLIP
    )
    advice = "left out" if skip else f"{OPTION} leaves them out"
    if ratios and ratios.most_common(1)[0][1] == len(sizes):
        advice = (
            f"each map is {ratios.most_common(1)[0][0]:g} times as wide and high, so images were "
            f"scaled after they were annotated; take them as they were, or scale the "
            f"maps ({advice})"
        )
    message = (
        f"{count_of(len(sizes), 'image')} with a map or a stated size of another size: {advice}"
    )
    yield Finding("warning" if skip else "error", "other-sizes", message, where)


def _similar_names(labels: Sequence[str]) -> Iterator[Finding]:
    where = tuple(f"{one} ~ {other}" for one, other in similar_names(labels))
    if where:
        message = f"{count_of(len(where), 'pair')} of labels with nearly the same name: one label?"
        yield Finding("warning", "similar-labels", message, where)


def similar_names(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of labels that differ in a plural's ending, in one letter more or in two that are
    swapped; not at the beginning, as shirt and T-shirt, and not in a digit.
    """
    nearby: dict[str, list[int]] = defaultdict(list)
    plain = ["".join(c for c in fold_name(label) if c.isalnum()) for label in labels]
    for index, name in enumerate(plain):
        keys = {name, *(name[:k] + name[k + 1 :] for k in range(1, len(name)))}
        for key in keys | {name.removesuffix("es")}:
            nearby[key].append(index)
    pairs = {
        (one, other)
        for alike in nearby.values()
        for place, one in enumerate(alike)
        for other in alike[place + 1 :]
        if _are_similar(plain[one], plain[other])
    }
    return [(labels[one], labels[other]) for one, other in sorted(pairs)]


def _are_similar(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) > 2 and long in (short, f"{short}s", f"{short}es"):
        return True
    if len(short) < _SHORTEST or short[0] != long[0]:
        return False
    if len(short) == len(long):
        differing = [k for k, (a, b) in enumerate(zip(short, long, strict=True)) if a != b]
        return (
            len(differing) == 2
            and differing[1] == differing[0] + 1
            and short[differing[0]] == long[differing[1]]
            and short[differing[1]] == long[differing[0]]
            and short[differing[0]].isalpha()
        )
    return any(long[k].isalpha() and long[:k] + long[k + 1 :] == short for k in range(1, len(long)))


def _outside(subject: Subject, inspection: Inspection) -> Iterator[Finding]:
    rows = np.flatnonzero(inspection.beyond > SLIP).tolist()
    if rows:
        message = (
            f"{count_of(len(rows), 'image')} with polygons that leave the image: cut at its sides; "
            f"are they of an image of another size?"
        )
        where = tuple(
            f"{subject.names[row]}: by {share_text(inspection.beyond[row], 0)} of a side"
            for row in rows
        )
        yield Finding("warning", "polygons-outside", message, where)


def _dark(subject: Subject, inspection: Inspection) -> Iterator[Finding]:
    """Images of 12 bits or so in files of 16."""
    brightest = inspection.brightest
    rows = np.flatnonzero((brightest > 0) & (brightest < DARK * 65535)).tolist()
    if rows:
        most = int(brightest[rows].max())
        message = (
            f"{count_of(len(rows), 'image')} of 16 bits with no value above {most:,} of 65,535, as "
            f"of {max(most, 1).bit_length()} bits: nearly black in training; scale them to 16 bits"
        )
        where = tuple(f"{subject.names[row]}: at most {brightest[row]:,}" for row in rows)
        yield Finding("warning", "dark-images", message, where)


def _frames(subject: Subject, inspection: Inspection) -> Iterator[Finding]:
    """Animations and stacks, of which one frame stands for the image."""
    rows = np.flatnonzero(inspection.frames > 1).tolist()
    if rows:
        where = tuple(f"{subject.names[row]}: {inspection.frames[row]:,} frames" for row in rows)
        message = f"{count_of(len(rows), 'image')} of several frames, of which the first is read"
        yield Finding("warning", "several-frames", message, where)


def _unlike_maps(subject: Subject, inspection: Inspection) -> Iterator[Finding]:
    """Maps of validation or test that are empty, inverted or otherwise unlike those of train."""
    known = subject.map_known & inspection.readable
    train = inspection.shares[known & (subject.splits == "train")]
    if not len(train):
        return
    trained, where = summarise_shares(train), []
    for name in SPLITS[1:]:
        comparison = CoverageComparison(subject.regions, trained)
        comparison.add(inspection.shares[known & (subject.splits == name)])
        if said := comparison.describe():
            where.append(f"{name}: {said}")
    if where:
        message = f"maps of {count_of(len(where), 'split')} unlike those of train"
        yield Finding("warning", "maps-unlike-train", message, tuple(where))
