"""Points that a space names to be tried before any that a sampler draws."""

from collections.abc import Sequence
from typing import Any

from sedn.config import suggest_field
from sedn.errors import UserError
from spaces.axes import Axis, is_active
from spaces.fields import check_value


def parse_first(listed: object, axes: Sequence[Axis], source: str) -> tuple[dict[str, Any], ...]:
    """The points under ``first:``, each with the values of all its active axes.

    Raises:
        UserError: one names no axis, one that has no effect there, or a value that it cannot have.
    """
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UserError(
            f"{source}: 'first' needs a list of points, such as "
            f"[{{embedding.placement: stage1}}], not {listed!r}"
        )
    points: list[dict[str, Any]] = []
    for number, given in enumerate(listed, start=1):
        where = f"{source}: first: point {number}"
        point = _complete(given, axes, where)
        if point in points:
            raise UserError(f"{where} is point {points.index(point) + 1} again; leave one")
        points.append(point)
    return tuple(points)


def _complete(given: dict[Any, Any], axes: Sequence[Axis], source: str) -> dict[str, Any]:
    """The point with the defaults of the active axes that it leaves out."""
    known = [axis.path for axis in axes]
    for path in given:
        if path not in known:
            raise UserError(f"{source}: '{path}' is no axis{suggest_field(str(path), known)}")
    point: dict[str, Any] = {}
    for axis in axes:
        if is_active(axis, point):
            point[axis.path] = axis.default
            if axis.path in given:
                point[axis.path] = _value(axis, given[axis.path], source)
        elif axis.path in given:
            needed = " and ".join(f"'{condition.path}'" for condition in axis.when)
            raise UserError(
                f"{source}: '{axis.path}' has no effect there, because of {needed}; leave it out"
            )
    return point


def _value(axis: Axis, given: object, source: str) -> Any:
    value = check_value(axis.path, given, f"{source}: '{axis.path}'")
    if not axis.contains(value):
        raise UserError(f"{source}: '{axis.path}' is never {value!r}: not in {axis.extent()}")
    return value
