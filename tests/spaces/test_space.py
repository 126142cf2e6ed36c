"""What is true of every valid space: its samples, conditions, points and baseline."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import optuna
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import BruteForceSampler, RandomSampler

from sedn.errors import UserError
from spaces import Axis, FloatRange, IntRange, Space, parse_space

optuna.logging.set_verbosity(optuna.logging.ERROR)

VALUES: dict[str, list[Any]] = {
    "embedding.placement": ["none", "input", "stage1", "stage2", "stage1+stage2", "all"],
    "embedding.fusion": ["scale_shift", "concat", "add", "gate"],
    "attention.kind": ["none", "se", "eca", "cbam"],
    "augmentation.horizontal_flip": [False, True],
    "loss.gamma": [0.5, 1.0, 2.0],
    "attention.reduction_ratio": [4, 8, 16, 32],
}
INTEGERS = ("embedding.width", "batch_size", "data.image_size")
FLOATS = ("optimizer.learning_rate", "semantic_map.dropout", "schedule.warmup")


@st.composite
def choices(draw: st.DrawFn, path: str) -> dict[str, Any]:
    options = draw(st.lists(st.sampled_from(VALUES[path]), min_size=1, max_size=4, unique=True))
    return {"choice": options} | draw(
        st.fixed_dictionaries({}, optional={"default": st.sampled_from(options)})
    )


@st.composite
def integers(draw: st.DrawFn) -> dict[str, Any]:
    low, step, count = (draw(st.integers(*r)) for r in ((16, 40), (1, 5), (1, 3)))
    axis: dict[str, Any] = {"int": [low, low + step * count]}
    return axis | draw(st.sampled_from([{"step": step}, {"log": True}, {}]))


@st.composite
def floats(draw: st.DrawFn, *, discrete: bool) -> dict[str, Any]:
    # Hundredths, written as a person writes them.
    low, step, count = (draw(st.integers(*r)) for r in ((1, 20), (1, 9), (1, 5)))
    axis: dict[str, Any] = {"float": [low / 100, (low + step * count) / 100]}
    if discrete:
        return axis | {"step": step / 100}
    return axis | draw(st.sampled_from([{"log": True}, {}]))


def values_of(fields: Mapping[str, Any]) -> list[Any] | None:
    """All values of an axis as it is written; ``None`` for one that no condition may look at."""
    if "choice" in fields:
        return list(fields["choice"])
    if "int" in fields:
        low, high = fields["int"]
        return list(range(low, high + 1, fields.get("step", 1)))
    return None


@st.composite
def conditions(draw: st.DrawFn, above: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    seen = {path: values for path, fields in above.items() if (values := values_of(fields))}
    if not seen:
        return {}
    paths = draw(st.lists(st.sampled_from(sorted(seen)), max_size=2, unique=True))
    when: dict[str, Any] = {}
    for path in paths:
        some = draw(st.lists(st.sampled_from(seen[path]), min_size=1, unique=True))
        negated = len(some) < len(seen[path]) and draw(st.booleans())
        when[path] = {"not": some} if negated else draw(st.sampled_from([some, some[0]]))
    return {"when": when} if when else {}


@st.composite
def documents(draw: st.DrawFn, *, discrete: bool) -> dict[str, Any]:
    paths = draw(
        st.lists(
            st.sampled_from([*VALUES, *INTEGERS, *FLOATS]), min_size=1, max_size=5, unique=True
        )
    )
    axes: dict[str, Any] = {}
    for path in paths:
        if path in VALUES:
            fields = draw(choices(path))
        else:
            fields = draw(integers() if path in INTEGERS else floats(discrete=discrete))
        axes[path] = fields | draw(conditions(axes))
    return {"name": "any", "base": {"backbone": {"pretrained": False}}, "axes": axes}


def read(document: Mapping[str, Any]) -> Space:
    return parse_space(yaml.safe_dump(document, sort_keys=False), "any.yaml")


def holds(fields: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """The meaning of ``when``, from the text alone."""
    for path, written in fields.get("when", {}).items():
        negated = isinstance(written, dict)
        some = written["not"] if isinstance(written, dict) else written
        some = some if isinstance(some, list) else [some]
        if path not in params or (params[path] in some) == negated:
            return False
    return True


def enumerate_points(document: Mapping[str, Any]) -> set[tuple[tuple[str, Any], ...]]:
    """Every point of a discrete space, from the text alone: all products, thinned by ``when``."""
    axes = document["axes"]
    grids = []
    for fields in axes.values():
        values = values_of(fields)
        if values is None:
            (low, high), step = fields["float"], fields["step"]
            values = [round(low + i * step, 4) for i in range(round((high - low) / step) + 1)]
        grids.append(values)
    points = set()
    for values in product(*grids):
        params: dict[str, Any] = {}
        for (path, fields), value in zip(axes.items(), values, strict=True):
            if holds(fields, params):
                params[path] = value
        points.add(tuple(params.items()))
    return points


def in_range(axis: Axis, value: Any) -> bool:
    if isinstance(axis, IntRange | FloatRange):
        return axis.low <= value <= axis.high
    return value in axis.options


@settings(max_examples=60, deadline=None)
@given(documents(discrete=False), st.integers(0, 2**31))
def test_a_sample_meets_its_conditions_and_makes_a_configuration(
    document: dict[str, Any], seed: int
) -> None:
    space = read(document)
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    for _ in range(3):
        trial = study.ask()
        params = space.sample(trial)
        assert params == trial.params
        for axis in space.axes:
            fields = document["axes"][axis.path]
            assert (axis.path in params) == holds(fields, params)
            if axis.path in params:
                assert in_range(axis, params[axis.path])
        config = space.config(params, {"epochs": 7})
        assert config.epochs == 7
        assert config == type(config).model_validate(config.model_dump())
        study.tell(trial, 0.0)


@settings(max_examples=60, deadline=None)
@given(documents(discrete=True))
def test_points_are_those_of_an_enumeration(document: dict[str, Any]) -> None:
    assert read(document).points() == len(enumerate_points(document))


@settings(max_examples=60, deadline=None)
@given(documents(discrete=True), st.integers(0, 2**31))
def test_a_sample_is_one_of_the_points(document: dict[str, Any], seed: int) -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    assert tuple(read(document).sample(study.ask()).items()) in enumerate_points(document)


@settings(max_examples=60, deadline=None)
@given(documents(discrete=False))
def test_the_baseline_is_plain_and_within_the_space(document: dict[str, Any]) -> None:
    space = read(document)
    config = space.baseline()
    assert config.embedding.placement == "none"
    assert config.attention.kind == "none"
    assert config.plain() == config
    params = space.baseline_params()
    for axis in space.axes:
        if axis.path in params:
            assert axis.contains(params[axis.path])
            assert holds(document["axes"][axis.path], params)
    assert space.baseline({"seed": 5}) == config.model_copy(update={"seed": 5})


@pytest.mark.parametrize(
    "axes",
    [
        "{loss.gamma: {float: [0.0, 0.3], step: 0.1}}",
        "{loss.gamma: {float: [0.1, 0.7], step: 0.2}}",
        "{loss.gamma: {float: [0.01, 0.03], step: 0.02}}",
        "{loss.gamma: {float: [0.5, 8.0], step: 0.25}}",
        "{batch_size: {int: [8, 16], step: 4}, loss.gamma: {choice: [1.0, 2.0], "
        "when: {batch_size: {not: 12}}}}",
        "{embedding.placement: {choice: [none, input, stage1]}, embedding.fusion: "
        "{choice: [add, gate], when: {embedding.placement: [stage1]}}, loss.gamma: "
        "{float: [0.0, 0.3], step: 0.1, when: {embedding.fusion: gate}}}",
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_optuna_enumerates_the_same_points(axes: str) -> None:
    space = parse_space(f"name: small\naxes: {axes}", "small.yaml")
    study = optuna.create_study(sampler=BruteForceSampler(seed=0))
    seen = set()

    def objective(trial: optuna.Trial) -> float:
        seen.add(tuple(space.sample(trial).items()))
        return 0.0

    study.optimize(objective)
    assert len(seen) == space.points()
    for axis in space.axes:
        taken = {value for point in seen for path, value in point if path == axis.path}
        assert taken == set(axis.values() or ())


def test_a_space_of_many_points_is_counted_at_once() -> None:
    axes = ", ".join(
        f"{path}: {{int: [1, {high}]}}"
        for path, high in [("batch_size", 65536), ("embedding.width", 1024)]
    )
    space = parse_space(
        f"name: big\naxes: {{{axes}, attention.reduction_ratio: {{int: [1, 256], when: "
        "{batch_size: {not: 1}, embedding.width: {not: [1, 2]}}}}",
        "big.yaml",
    )
    assert space.points() == 65535 * 1022 * 256 + 65536 * 1024 - 65535 * 1022


def test_a_continuous_space_has_no_number_of_points() -> None:
    space = parse_space("name: x\naxes: {loss.gamma: {float: [0.0, 1.0]}}", "x.yaml")
    assert space.points() is None


def test_the_middle_of_a_range_is_its_default() -> None:
    space = parse_space(
        "name: x\naxes: {optimizer.learning_rate: {float: [1.0e-300, 1.0e-200], log: true}, "
        "embedding.width: {int: [20, 40], step: 10}, loss.gamma: {float: [3.0, 5.0]}}",
        "x.yaml",
    )
    rate, width, gamma = (axis.default for axis in space.axes)
    assert math.isclose(rate, 1e-250)
    assert (width, gamma) == (30, 4.0)


def test_an_unknown_parameter_is_refused() -> None:
    space = parse_space("name: x\naxes: {loss.gamma: {float: [0.0, 1.0]}}", "x.yaml")
    with pytest.raises(UserError, match=r"space 'x': there is no field 'loss\.gama'; did you mean"):
        space.config({"loss.gama": 1.0})
    with pytest.raises(UserError, match=r"space 'x': field 'loss\.gamma'"):
        space.config({"loss.gamma": 9.0})
