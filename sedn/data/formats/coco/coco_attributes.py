"""Attributes of annotations, as CVAT has them in COCO's JSON: ``{"colour": "red", "new": true}``.

They may be what is to be learned, instead of the categories. Of an attribute of texts each value is
a label, ``colour=red``; one of true and false is a label itself. A label is 1 in an image where
some annotation says so, 0 where annotations have the attribute and none says so, and unknown where
no annotation has the attribute: no annotator was asked about it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.formats.columns.cells import BLANK, plain_name
from sedn.data.formats.targets import target_matrix
from sedn.document import is_number
from sedn.errors import Question, UserError, did_you_mean, some_of

Noted = dict[str, set[str | bool]]
"""By attribute, what the annotations of an image say."""

_NOTES = frozenset({
    "occluded", "rotation", "trackid", "keyframe", "outside", "truncated", "difficult", "iscrowd",
    "crowd", "ignore", "ignored", "zorder", "reviewed", "verified", "quality", "confidence",
    "score", "visibility", "source", "isoccluded", "istruncated", "isdifficult", "isgroupof",
    "isdepiction", "isinside", "isignored",
})  # fmt: skip
"""Attributes of how an object was drawn, or is seen, not of the object."""
_UNSET = BLANK | {"unknown", "unspecified", "__undefined__", "undefined"}
_SHOWN = 5


@dataclass(frozen=True)
class Attribute:
    """An attribute, with the values that the annotations of all images give."""

    name: str
    values: tuple[str | bool, ...]
    why_not: str
    """The reason why the attribute is no label; empty if it is one."""

    def labels(self) -> dict[str, str | bool]:
        """The name of each label that the attribute gives, with the label's value."""
        if set(self.values) <= {True, False}:
            return {self.name: True} if True in self.values else {}
        return {f"{self.name}={_text(value)}": value for value in self.values}


def note_attributes(given: Any, noted: Noted) -> None:
    """Add what an annotation has as its ``attributes`` to what others of its image have."""
    if isinstance(given, list):
        given = {"attributes": given}
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        read = {_read(v) for v in values if isinstance(v, str | bool | int | float)}
        if (read := read - {""}) or value == []:
            noted.setdefault(name, set()).update(read)


def choose_attributes(
    wanted: str | Sequence[str] | None,
    noted: Sequence[Noted],
    labels: Sequence[AbstractSet[str]],
    source: str,
) -> tuple[tuple[Attribute, ...], tuple[str, ...]]:
    """The attributes that become the labels, none if the categories are, and notes on the others.

    Args:
        wanted: ``all``, ``none`` or names; by default chosen from the annotations.
        noted: of each image.
        labels: the categories of each image.
        source: names the data in messages.

    Raises:
        Question: categories and attributes both may be the labels.
        UserError: an attribute is wanted that is not there.
    """
    names = [wanted] if isinstance(wanted, str) else wanted
    if names == ["none"]:
        return (), ()
    attributes = _sum_up(noted)
    usable = tuple(attribute for attribute in attributes.values() if not attribute.why_not)
    if names is not None and names != ["all"]:
        for name in names:
            if name not in attributes:
                hint = (
                    did_you_mean(name, attributes) or f"; there are {_list(attributes) or 'none'}"
                )
                raise UserError(f"{source}: attributes: no annotation has '{name}'{hint}")
            if not attributes[name].labels():
                raise UserError(f"{source}: attributes: '{name}' is false in every annotation")
        return tuple(attributes[name] for name in dict.fromkeys(names)), ()
    if names == ["all"] and not usable:
        raise UserError(f"{source}: attributes: none has values that recur; name those to learn")
    left_out = some_of(f"'{a.name}' ({a.why_not})" for a in attributes.values() if a.why_not)
    notes = (f"left out: attributes {left_out}",) if left_out else ()
    counts = Counter(name for of_image in labels for name in of_image)
    vary = [name for name, count in counts.items() if count < len(labels)]
    if names is None and usable and vary:
        raise Question(
            f"{source}: the labels may be the categories ({_list(sorted(vary))}), or attributes of "
            f"the annotations ({_list([attribute.name for attribute in usable])}); say which with "
            f"attributes: none, or attributes: all, or a list of them",
            [{"attributes": "none"}, {"attributes": "all"}],
        )
    return usable, notes


def attribute_targets(
    chosen: Sequence[Attribute], noted: Sequence[Noted]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The labels, and targets ``(images, labels)``."""
    columns = [
        (label, attribute.name, value)
        for attribute in chosen
        for label, value in attribute.labels().items()
    ]
    rows = [
        {label: float(value in values[name]) for label, name, value in columns if name in values}
        for values in noted
    ]
    labels = tuple(label for label, _, _ in columns)
    return labels, target_matrix(rows, labels, absent=np.nan)


def _sum_up(noted: Sequence[Noted]) -> dict[str, Attribute]:
    counts: dict[str, Counter[str | bool]] = {}
    images: Counter[str] = Counter()
    for of_image in noted:
        for name, values in of_image.items():
            counts.setdefault(name, Counter()).update(values)
            images[name] += 1
    return {
        name: Attribute(name, tuple(sorted(values, key=str)), _why_not(name, values, images[name]))
        for name, values in counts.items()
    }


def _why_not(name: str, values: Mapping[str | bool, int], images: int) -> str:
    if plain_name(name) in _NOTES:
        return "how it is seen"
    if len(values) < 2:
        return "one value"
    if all(isinstance(value, str) and is_number(value) for value in values):
        return "numbers"
    return "text" if len(values) * 2 > images else ""


def _read(value: str | bool | float) -> str | bool:
    """A value; ``""`` where it says nothing."""
    if isinstance(value, bool):
        return value
    text = " ".join(str(value).split())
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return "" if text.lower() in _UNSET else text


def _text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _list(names: Iterable[str]) -> str:
    listed = [*names]
    return ", ".join(listed[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
