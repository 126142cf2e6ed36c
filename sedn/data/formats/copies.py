"""Copies of one photograph, which must stay in one split.

Roboflow writes each photograph several times where augmentation is asked for: ``cat_jpg.rf.`` and a
hash that differs for each copy. A copy in training tells what its twin in test shows.
"""

import re
from dataclasses import replace

from sedn.data.listing import Listing

_COPY = re.compile(r"(.+)\.rf\.[0-9A-Za-z]{6,}\.\w+")


def group_copies(listing: Listing) -> Listing:
    """The listing with copies of one photograph as a group, where it has no groups of its own."""
    if listing.groups:
        return listing
    names = [re.split(r"[/\\]", image.name)[-1] for image in listing.images]
    matches = [_COPY.fullmatch(name) for name in names]
    groups = tuple(match[1] for match in matches if match)
    # Where each is there once, groups would say nothing.
    if len(groups) < len(names) or len(set(groups)) == len(groups):
        return listing
    note = f"groups: Roboflow's copies of {len(set(groups)):,} photographs"
    return replace(listing, groups=groups, notes=(*listing.notes, note))
