"""Parsing of an axis from its YAML mapping, with a message for everything that can be wrong with
it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sedn.config import suggest_field
from sedn.errors import UserError, did_you_mean
from spaces.axes import Axis, Choice, Condition, FloatRange, IntRange, middle, steps
from spaces.fields import SET_BY_THE_SEARCH, check_path, check_value, default_of

_MOST_STEPS = 10_000
_Numbers = tuple[type[int]] | tuple[type[int], type[float]]


@dataclass(frozen=True)
class WrittenAxis:
    """An axis as it is written: its path, its mapping, and the words that begin its errors."""

    path: str
    fields: Mapping[str, Any]
    source: str

    def value(self, value: object) -> Any:
        """``value`` as the field holds it."""
        return check_value(self.path, value, self.source)


def parse_axis(path: object, fields: object, above: Mapping[str, Axis], source: str) -> Axis:
    """The axis at ``path``; ``above`` holds those that its condition may look at.

    Raises:
        UserError: the path is not that of a field, or something in ``fields`` is wrong.
    """
    check_path(str(path), f"{source}: axes")
    where = f"{source}: axis '{path}'"
    if path in SET_BY_THE_SEARCH:
        raise UserError(f"{where}: the search sets this field; it cannot be an axis")
    if not isinstance(fields, dict):
        raise UserError(f"{where}: expected {_shapes()}, not {fields!r}")
    keywords = (*AXIS_TYPES, "log", "step", "default", "when")
    for keyword in fields:
        if keyword not in keywords:
            known = did_you_mean(str(keyword), keywords) or f"; known: {', '.join(keywords)}"
            raise UserError(f"{where}: unknown keyword '{keyword}'{known}")
    types = [name for name in AXIS_TYPES if name in fields]
    if len(types) != 1:
        given = " and ".join(f"'{name}'" for name in types) or "none of them"
        raise UserError(f"{where}: expected one of {_shapes()}; it has {given}")
    entry = WrittenAxis(str(path), fields, where)
    return AXIS_TYPES[types[0]].parse(entry, _parse_when(entry, above))


def _shapes() -> str:
    """How axes are written, in words."""
    *others, last = (one.shape for one in AXIS_TYPES.values())
    return f"{', '.join(others)} or {last}"


def _parse_choice(entry: WrittenAxis, when: tuple[Condition, ...]) -> Choice:
    for keyword in ("log", "step"):
        if keyword in entry.fields:
            raise UserError(f"{entry.source}: '{keyword}' goes with int or float, not with choice")
    listed = entry.fields["choice"]
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{entry.source}: 'choice' needs a list of values, not {listed!r}")
    options: list[Any] = []
    for value in map(entry.value, listed):
        if value in options:
            raise UserError(f"{entry.source}: {value!r} is listed twice; leave one")
        options.append(value)
    axis = Choice(entry.path, tuple(options), options[0], when)
    return Choice(entry.path, tuple(options), _default(entry, axis), when)


def _parse_int(entry: WrittenAxis, when: tuple[Condition, ...]) -> IntRange:
    low, high = _bounds(entry, "int", (int,))
    if not isinstance(entry.value(low), int):
        raise UserError(
            f"{entry.source}: the field is not a whole number; write {{float: [{low}, {high}], "
            f"step: 1}}"
        )
    log, step = _scale(entry, low, high, (int,))
    centre = round(middle(low, high, log=log))
    centre -= (centre - low) % (step or 1)
    axis = IntRange(entry.path, low, high, centre, step or 1, log, when)
    return IntRange(entry.path, low, high, _default(entry, axis), step or 1, log, when)


def _parse_float(entry: WrittenAxis, when: tuple[Condition, ...]) -> FloatRange:
    low, high = (float(bound) for bound in _bounds(entry, "float", (int, float)))
    if isinstance(entry.value(entry.fields["float"][0]), int):
        raise UserError(
            f"{entry.source}: the field is a whole number; write {{int: {entry.fields['float']}}}"
        )
    log, step = _scale(entry, low, high, (int, float))
    grid = FloatRange(entry.path, low, high, low, step, log, when).values()
    centre = grid[(len(grid) - 1) // 2] if grid else middle(low, high, log=log)
    axis = FloatRange(entry.path, low, high, centre, step, log, when)
    return FloatRange(entry.path, low, high, _default(entry, axis), step, log, when)


def _bounds(entry: WrittenAxis, kind: str, numbers: _Numbers) -> tuple[Any, Any]:
    """The two bounds of a range, which the field must take and which must be in order."""
    listed = entry.fields[kind]
    if not isinstance(listed, list) or len(listed) != 2:
        raise UserError(f"{entry.source}: '{kind}' needs two bounds, [low, high], not {listed!r}")
    for bound in listed:
        if isinstance(bound, str):
            entry.value(bound)
        if not isinstance(bound, numbers) or isinstance(bound, bool):
            what = "whole numbers" if kind == "int" else "numbers"
            raise UserError(f"{entry.source}: the bounds of '{kind}' must be {what}, not {bound!r}")
        entry.value(bound)
    low, high = listed[0], listed[1]
    if low >= high:
        raise UserError(
            f"{entry.source}: the lower bound {low!r} is not below the upper bound {high!r}"
        )
    return low, high


def _scale(entry: WrittenAxis, low: float, high: float, numbers: _Numbers) -> tuple[bool, Any]:
    """``log`` and ``step`` of a range; no step is ``None``."""
    log, step = entry.fields.get("log", False), entry.fields.get("step")
    if not isinstance(log, bool):
        raise UserError(f"{entry.source}: 'log' must be true or false, not {log!r}")
    if log and step is not None:
        raise UserError(f"{entry.source}: 'step' does not go with 'log: true'; leave one")
    if log and low <= 0:
        raise UserError(f"{entry.source}: 'log' needs a lower bound above 0, not {low!r}")
    if step is None:
        return log, None
    known = isinstance(step, numbers) and not isinstance(step, bool) and step > 0
    if not known or steps(low, high, step) < 1:
        what = "whole number" if float not in numbers else "number"
        raise UserError(
            f"{entry.source}: 'step' must be a {what} above 0 and at most "
            f"{steps(low, high, 1)}, not {step!r}"
        )
    count = steps(low, high, step)
    if count > _MOST_STEPS:
        raise UserError(
            f"{entry.source}: 'step' {step!r} makes more than {_MOST_STEPS} values; leave it out"
        )
    if count % 1:
        raise UserError(
            f"{entry.source}: steps of {step!r} from {low!r} do not end at {high!r}; "
            f"change the step or a bound"
        )
    return log, step if float not in numbers else float(step)


def _default(entry: WrittenAxis, axis: Axis) -> Any:
    """The default as given, else the configuration's own where the axis has it, else the axis's."""
    if "default" not in entry.fields:
        own = default_of(entry.path)
        return own if axis.contains(own) else axis.default
    default = entry.value(entry.fields["default"])
    if not axis.contains(default):
        raise UserError(f"{entry.source}: the default {default!r} is not in {axis.extent()}")
    return default


def _parse_when(entry: WrittenAxis, above: Mapping[str, Axis]) -> tuple[Condition, ...]:
    if "when" not in entry.fields:
        return ()
    when = entry.fields["when"]
    if not isinstance(when, dict) or not when:
        raise UserError(
            f"{entry.source}: 'when' needs axes and their values, such as "
            f"{{embedding.placement: stage1}}, not {when!r}"
        )
    return tuple(
        _parse_condition(str(path), values, above, f"{entry.source}: when")
        for path, values in when.items()
    )


def _parse_condition(
    path: str, written: object, above: Mapping[str, Axis], source: str
) -> Condition:
    axis = above.get(path)
    if axis is None:
        raise UserError(f"{source}: '{path}' is no axis above this one{suggest_field(path, above)}")
    if not axis.is_exact:
        raise UserError(f"{source}: '{path}' is a float axis; a condition needs a choice or an int")
    negated = isinstance(written, dict)
    if isinstance(written, dict):
        if list(written) != ["not"]:
            raise UserError(
                f"{source}: '{path}' needs a value, a list of values or {{not: …}}, not {written!r}"
            )
        written = written["not"]
    listed = written if isinstance(written, list) else [written]
    if not listed:
        raise UserError(f"{source}: '{path}' needs at least one value")
    values = tuple(check_value(path, value, f"{source}: '{path}'") for value in listed)
    for value in values:
        if not axis.contains(value):
            hint = did_you_mean(str(value), map(str, axis.values() or ()))
            raise UserError(
                f"{source}: '{path}' is never {value!r}: it is not in {axis.extent()}{hint}"
            )
    if negated and len(set(values)) == len(axis.values() or ()):
        raise UserError(f"{source}: '{path}' is always one of {list(values)!r}: it never holds")
    return Condition(path, values, negated)


@dataclass(frozen=True)
class AxisType:
    """How axes of one type are written and read; the axes themselves are in :mod:`spaces.axes`."""

    shape: str
    parse: Callable[[WrittenAxis, tuple[Condition, ...]], Axis]


AXIS_TYPES = {
    "choice": AxisType("{choice: [a, b]}", _parse_choice),
    "int": AxisType("{int: [low, high]}", _parse_int),
    "float": AxisType("{float: [low, high]}", _parse_float),
}
"""By the keyword that an axis of the type has."""
