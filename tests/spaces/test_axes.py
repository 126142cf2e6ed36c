"""An axis offers the values that Optuna draws, to the last digit."""

import math
from itertools import pairwise

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from spaces import Choice, Condition, FloatRange, IntRange

optuna.logging.set_verbosity(optuna.logging.ERROR)


@st.composite
def grids(draw: st.DrawFn) -> FloatRange:
    """A range with a step, all in decimals as a person writes them."""
    digits = draw(st.integers(0, 4))
    low, step, count = (draw(st.integers(*r)) for r in ((0, 50), (1, 30), (1, 12)))
    low_, high, step_ = (n / 10**digits for n in (low, low + step * count, step))
    return FloatRange("loss.gamma", low_, high, low_, step_)


@settings(max_examples=100, deadline=None)
@given(grids())
def test_a_grid_is_that_of_optuna(axis: FloatRange) -> None:
    distribution = FloatDistribution(axis.low, axis.high, step=axis.step)
    assert distribution.high == axis.high, "Optuna keeps the upper bound"
    values = axis.values()
    assert values is not None
    assert values[0] == axis.low
    assert values[-1] == axis.high
    assert all(distribution._contains(value) and axis.contains(value) for value in values)
    assert axis.step is not None
    for lower, upper in pairwise(values):
        assert upper - lower == pytest.approx(axis.step)
        assert not axis.contains((lower + upper) / 2)
        assert not axis.contains(math.nextafter(upper, 0.0))


@pytest.mark.parametrize("make_sampler", [RandomSampler, TPESampler])
@settings(max_examples=20, deadline=None)
@given(axis=grids(), seed=st.integers(0, 2**31))
def test_a_draw_is_a_value_of_the_grid(
    make_sampler: type[BaseSampler], axis: FloatRange, seed: int
) -> None:
    study = optuna.create_study(sampler=make_sampler(seed=seed))
    values = axis.values()
    assert values is not None
    for _ in range(12):
        trial = study.ask()
        value = axis.suggest(trial)
        assert value in values
        assert value == pytest.approx(trial.params[axis.path])
        study.tell(trial, value)


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(1, 20), st.integers(-60, 500))
def test_an_integer_is_in_its_range_or_not(low: int, step: int, count: int, value: int) -> None:
    axis = IntRange("batch_size", low, low + step * count, low, step)
    values = list(axis.values())
    assert values == [low + i * step for i in range(count + 1)]
    assert axis.contains(value) == (value in values)
    assert not axis.contains(float(low)), "a whole number is not written as 8.0"


def test_a_condition_on_an_axis_that_is_absent_never_holds() -> None:
    for negated in (False, True):
        condition = Condition("embedding.placement", ("stage1",), negated)
        assert not condition.holds({})
        assert condition.holds({"embedding.placement": "stage1"}) != negated
        assert condition.holds({"embedding.placement": "none"}) == negated


def test_what_optuna_is_asked_for() -> None:
    asked = optuna.trial.FixedTrial({"a": "x", "b": 4, "c": 0.5})
    assert Choice("a", ("x", "y"), "y").suggest(asked) == "x"
    assert IntRange("b", 2, 8, 2, step=2).suggest(asked) == 4
    assert FloatRange("c", 0.1, 1.0, 0.1, log=True).suggest(asked) == 0.5
    assert asked.distributions["b"] == optuna.distributions.IntDistribution(2, 8, step=2)
    assert asked.distributions["c"] == FloatDistribution(0.1, 1.0, log=True)
