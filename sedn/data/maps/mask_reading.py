"""What the pixels of a data set's masks mean, and reading other masks by the same meaning.

A network that learned with masks of one meaning gets masks of another program later. A value of
these may mean what it meant in training, or they are black and white. What is neither is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, Literal

from sedn.data.images.content import Content
from sedn.data.listing import RegionMap
from sedn.data.maps.mask_kinds import MaskKind, shown_value
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import MaskImage, RegionsImage, Value
from sedn.errors import Question, UserError

_WHITE = (1, 255, 65535)
"""The region in masks of black and white, whatever their depth."""
_LOOKS = 500
SETTLE = "save masks in black and white, 0 and 255"


@dataclass(frozen=True)
class MaskReading:
    """How the masks of a data set are read: by a kind, or by the values that mark each region."""

    kind: MaskKind | None = None
    values: tuple[tuple[Value, ...], ...] = ()

    @classmethod
    def of_maps(cls, maps: Iterable[RegionMap | None]) -> "MaskReading | None":
        """The reading of the first mask of a whole image; ``None`` where the first 500 maps have
        none.
        """
        # All masks of a data set are read alike, and to build a map of polygons takes time.
        for region_map in islice(maps, _LOOKS):
            if isinstance(region_map, MaskImage):
                return cls(kind=region_map.kind)
            if isinstance(region_map, RegionsImage):
                return cls(values=region_map.regions)
        return None

    def of_region(self, index: int) -> "MaskReading":
        """The reading of one region alone."""
        return replace(self, values=self.values[index : index + 1])

    def describe(self) -> str:
        """Describe the masks in a few words."""
        if self.kind is not None:
            return self.kind.describe()
        marks = (shown_value(value) for values in self.values for value in values)
        return f"masks with {', '.join(marks)} as region"

    def to_json(self) -> dict[str, Any]:
        """The reading as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "MaskReading":
        """The reading that :meth:`to_json` gave."""
        kind, values = fields["kind"], fields["values"]
        if kind is not None:
            kind = MaskKind(**{**kind, "ignored": tuple(map(_value, kind["ignored"]))})
        return cls(kind, tuple(tuple(map(_value, marks)) for marks in values))


ReadMask = Callable[[Content], MaskImage | RegionsImage]
"""From a file to the map of the region, or of all regions."""


def read_alike(
    contents: Sequence[Content], where: str, trained: MaskReading | None, settle: str = SETTLE
) -> ReadMask:
    """How masks of one region, or of all by value, are read, by what those of a training meant.

    Args:
        contents: the masks.
        where: names them in messages.
        trained: the training's reading; ``None`` where nothing is known of it.
        settle: what a message says that one can do.

    Raises:
        UserError: it is not clear what the masks mean, or their values mean something else than
            those of the training.
    """
    try:
        kind = tell_kind(contents, where, settle=settle)
    except Question:
        if trained is None:
            raise
        # Two meanings are plausible by themselves, of which the training had one.
        return _as_trained(trained)
    if trained is None:
        return _by_kind(kind)
    chosen = _choose(kind, trained)
    if chosen is None:
        raise UserError(
            f"{where}: {kind.describe()}, and the run was trained with {trained.describe()}, so "
            f"what they mean is not known; {settle}"
        )
    return _by_kind(kind) if chosen == "own" else _as_trained(trained, by_palette=kind.by_palette)


def _choose(kind: MaskKind, trained: MaskReading) -> Literal["own", "trained"] | None:
    """Whether masks of a kind are read by that kind or as the training's; ``None``: neither."""
    if len(trained.values) > 1:
        return "trained" if _shows_values(kind, trained) else None
    if kind.name in ("strength", "alpha") or kind.full == 0:
        return "own"
    if trained.kind is None:
        # A class has a low number: that of a region, or of something else than the region.
        if kind.full in _WHITE[1:]:
            return "own"
        return "trained" if _shows_values(kind, trained) else None
    if trained.kind.name == "colour":
        return "trained"
    if kind.name == "colour":
        return "own"
    if kind.full in trained.kind.ignored:
        return None
    if kind.full in _WHITE and not kind.ignored:
        return "own"
    is_alike = trained.kind.name == "index" and trained.kind.full in (None, kind.full)
    return "trained" if is_alike else None


def _shows_values(kind: MaskKind, trained: MaskReading) -> bool:
    """Whether masks of a kind may have the values that mark the training's regions."""
    marks = [mark for values in trained.values for mark in values]
    if kind.name == "index" and not (kind.by_palette or any(isinstance(m, int) for m in marks)):
        return kind.full == 0
    if kind.full is None:
        return kind.name in ("index", "colour")
    return kind.full == 0 or kind.full in marks


def _as_trained(trained: MaskReading, *, by_palette: bool | None = None) -> ReadMask:
    if trained.kind is None:
        values = trained.values
        return lambda content: RegionsImage(content, values, orientation="shown")
    kind = trained.kind
    if by_palette is not None and kind.name == "index":
        kind = replace(kind, by_palette=by_palette)
    return _by_kind(kind)


def _by_kind(kind: MaskKind) -> ReadMask:
    return lambda content: MaskImage(content, kind, orientation="shown")


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
