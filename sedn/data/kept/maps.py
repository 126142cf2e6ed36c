"""Maps in columns: the polygons and run lengths of all objects one after the other, or the masks.

Of each map its form is written once for all maps that share it, and what differs in arrays: the
size, and for each part (an object, or a mask) its region and where it begins.
"""

import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import Content
from sedn.data.kept.columns import (
    NotKeepable,
    PointWriter,
    map_array,
    map_points,
    read_points,
    save_array,
)
from sedn.data.kept.contents import KeptContents, save_contents
from sedn.data.listing import RegionMap
from sedn.data.maps.mask_kinds import MaskKind
from sedn.data.maps.masks import MaskImage, ObjectMasks, RegionsImage
from sedn.data.maps.relative_shapes import RelativeMap
from sedn.data.maps.shapes import Polygon, Shape, ShapeMap

Form = tuple[Any, ...]
"""The class of a map, and the fields that many maps share."""
Part = tuple[int, Any]
"""The region of an object, and its shape or mask."""
_NONE: Form = ("none",)
_OF_SHAPES = ("shapes", "relative")
_COLUMNS = {
    "form": np.int32, "width": np.int32, "height": np.int32, "ends": np.int64,
    "regions": np.int32, "first": np.int64, "counts": np.int32,
}  # fmt: skip
"""Form, size and end of the parts of each map; region, first piece and pieces of each part."""


class KeptMaps(Sequence[RegionMap | None]):
    """The maps of a kept listing, each built on demand."""

    def __init__(self, folder: Path, described: dict[str, Any]) -> None:
        self._forms = [as_tuples(form) for form in described["forms"]]
        columns = {name: map_array(folder, f"map-{name}") for name in _COLUMNS}
        self._form, self._ends = columns["form"], columns["ends"]
        self._width, self._height = columns["width"], columns["height"]
        self._regions, self._first, self._counts = (
            columns[name] for name in ("regions", "first", "counts")
        )
        self._polygon_ends = map_array(folder, "polygon-ends")
        self._run_ends = map_array(folder, "run-ends")
        self._points = map_points(folder / "points.bin", described["points"])
        self._runs = map_points(folder / "runs.bin", "uint8")
        self.contents = KeptContents(folder, "masks", described["masks"])

    def __len__(self) -> int:
        return len(self._form)

    @overload
    def __getitem__(self, row: int, /) -> RegionMap | None: ...
    @overload
    def __getitem__(self, row: slice, /) -> Sequence[RegionMap | None]: ...
    def __getitem__(self, row: int | slice, /) -> RegionMap | Sequence[RegionMap | None] | None:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        form = self._forms[self._form[row]]
        start = int(self._ends[row - 1]) if row else 0
        parts = [
            (int(self._regions[part]), self._part(form, part))
            for part in range(start, int(self._ends[row]))
        ]
        return build_map(form, int(self._width[row]), int(self._height[row]), parts)

    @property
    def known(self) -> NDArray[np.bool_]:
        """``(images,)``: whether there is a map."""
        there = np.array([form != _NONE for form in self._forms], dtype=bool)
        return np.asarray(there[self._form])

    @property
    def masks_of_rows(self) -> list[int]:
        """How many masks each map has."""
        drawn = np.array([form[0] not in ("none", *_OF_SHAPES) for form in self._forms], dtype=bool)
        parts = np.diff(self._ends, prepend=0)
        counts: list[int] = np.where(drawn[self._form], parts, 0).tolist()
        return counts

    def _part(self, form: Form, part: int) -> Shape | Content:
        first, count = int(self._first[part]), int(self._counts[part])
        if form[0] not in _OF_SHAPES:
            return self.contents[first]
        if not count:
            return bytes(self._runs[_start(self._run_ends, first) : self._run_ends[first]])
        return tuple(self._polygon(first + place) for place in range(count))

    def _polygon(self, index: int) -> Polygon:
        return read_points(
            self._points, _start(self._polygon_ends, index), self._polygon_ends[index]
        )


def save_maps(folder: Path, maps: Sequence[RegionMap | None]) -> dict[str, Any]:
    """Write maps; gives what has no place in an array.

    Raises:
        NotKeepable: one is of a class that is not known here.
    """
    forms = _Forms()
    columns = {name: array("q") for name in _COLUMNS}
    with_shapes = _ShapeColumns(folder)
    masks: list[Content] = []
    for region_map in maps:
        form, (width, height), parts = take_apart(region_map)
        columns["form"].append(forms.add(form, region_map))
        columns["width"].append(width)
        columns["height"].append(height)
        for region, part in parts:
            columns["regions"].append(region)
            if form[0] in _OF_SHAPES:
                first, count = with_shapes.add(part)
            else:
                first, count = len(masks), 1
                masks.append(part)
            columns["first"].append(first)
            columns["counts"].append(count)
        columns["ends"].append(len(columns["regions"]))
    for name, values in columns.items():
        save_array(folder, f"map-{name}", values, _COLUMNS[name])
    points = with_shapes.close()
    places = save_contents(folder, "masks", masks)
    return {"forms": forms.listed, "points": points, "masks": places}


class _Forms:
    """The forms of all maps, each once."""

    def __init__(self) -> None:
        self.listed: list[Any] = []
        self._numbers: dict[str, int] = {}

    def add(self, form: Form, region_map: RegionMap | None) -> int:
        """Its number.

        Raises:
            NotKeepable: JSON does not say all of it.
        """
        # Not by equality, by which 255 and 255.0 are one.
        key = repr(form)
        if key not in self._numbers:
            plain = [astuple(part) if isinstance(part, MaskKind) else part for part in form]
            try:
                listed = json.loads(json.dumps(plain))
            except (TypeError, ValueError):
                raise NotKeepable(f"a map of {form!r}") from None
            _, (width, height), parts = take_apart(region_map)
            if repr(build_map(as_tuples(listed), width, height, parts)) != repr(region_map):
                raise NotKeepable(f"a map of {form!r}")
            self._numbers[key] = len(self.listed)
            self.listed.append(listed)
        return self._numbers[key]


class _ShapeColumns:
    """Where the objects of all maps lie."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._points = PointWriter(folder / "points.bin")
        self._runs = bytearray()
        self._polygon_ends, self._run_ends = array("q"), array("q")

    def add(self, shape: Shape) -> tuple[int, int]:
        """The number of its first polygon and of polygons, or of its run lengths and 0."""
        if isinstance(shape, bytes):
            self._runs += shape
            self._run_ends.append(len(self._runs))
            return len(self._run_ends) - 1, 0
        if not shape:
            raise NotKeepable("an object without a polygon")
        first = len(self._polygon_ends)
        for polygon in shape:
            self._points.write(polygon)
            self._polygon_ends.append(self._points.count)
        return first, len(shape)

    def close(self) -> str:
        """Write the rest; gives the type of the points."""
        self._points.close()
        (self._folder / "runs.bin").write_bytes(self._runs)
        save_array(self._folder, "polygon-ends", self._polygon_ends, np.int64)
        save_array(self._folder, "run-ends", self._run_ends, np.int64)
        return self._points.dtype


def take_apart(region_map: RegionMap | None) -> tuple[Form, tuple[int, int], Sequence[Part]]:
    """The form of a map, its width and height where it has them, and its parts.

    Raises:
        NotKeepable: the map is of a class that is not known here.
    """
    if region_map is None:
        return _NONE, (0, 0), ()
    lies = region_map.orientation
    if isinstance(region_map, ShapeMap):
        size = (region_map.width, region_map.height)
        return ("shapes", region_map.regions, lies), size, region_map.shapes
    if isinstance(region_map, RelativeMap):
        parts = [(region, (polygon,)) for region, polygon in region_map.polygons]
        return ("relative", region_map.regions, lies), (0, 0), parts
    if isinstance(region_map, MaskImage):
        return ("mask", region_map.kind, lies), (0, 0), [(0, region_map.content)]
    if isinstance(region_map, RegionsImage):
        return ("regions", region_map.regions, lies), (0, 0), [(0, region_map.content)]
    if isinstance(region_map, ObjectMasks):
        form = ("objects", region_map.regions, region_map.kind, lies)
        return form, (0, 0), region_map.masks
    raise NotKeepable(f"a map that is a {type(region_map).__name__}")


_BUILDERS: dict[str, Callable[..., RegionMap | None]] = {
    "none": lambda w, h, parts: None,
    "shapes": lambda w, h, parts, regions, lies: ShapeMap(w, h, regions, tuple(parts), lies),
    "relative": lambda w, h, parts, regions, lies: RelativeMap(
        regions, tuple((region, polygon) for region, (polygon,) in parts), lies
    ),
    "mask": lambda w, h, parts, kind, lies: MaskImage(parts[0][1], MaskKind(*kind), lies),
    "regions": lambda w, h, parts, regions, lies: RegionsImage(parts[0][1], regions, lies),
    "objects": lambda w, h, parts, regions, kind, lies: ObjectMasks(
        regions, tuple(parts), MaskKind(*kind), lies
    ),
}


def build_map(form: Form, width: int, height: int, parts: Sequence[Part]) -> RegionMap | None:
    """Build a map from its parts."""
    name, *shared = form
    return _BUILDERS[name](width, height, parts, *shared)


def as_tuples(value: Any) -> Any:
    """The value with tuples in place of lists, as it was before it was JSON."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


def _start(ends: NDArray[Any], index: int) -> int:
    return int(ends[index - 1]) if index else 0
