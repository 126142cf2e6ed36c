"""Constraints as they are written, and the front of several objectives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from results.goals.constraints import parse_constraint
from results.goals.objectives import Goals, objectives
from results.ranking.pareto import on_front
from sedn.errors import UserError
from sedn.measures import goals

numbers = st.floats(-1e12, 1e12)
COMPARE = {
    "<": float.__lt__,
    "<=": float.__le__,
    ">": float.__gt__,
    ">=": float.__ge__,
}


@given(st.sampled_from(list(goals())), st.sampled_from(list(COMPARE)), numbers, numbers)
def test_a_constraint_holds_where_its_comparison_does(
    measure: str, sign: str, bound: float, value: float
) -> None:
    found = parse_constraint(f" {measure} {sign} {bound!r}")
    assert (found.measure, found.sign, found.bound) == (measure, sign, bound)
    assert parse_constraint(found.text) == found
    for one in (value, bound):
        assert found.holds(one) == COMPARE[sign](one, bound)
        assert found.holds(one) == (found.excess(one) <= 0)
        assert math.isfinite(found.excess(one))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("parameters<=5M", 5e6),
        ("peak_memory<2G", 2e9),
        ("flops < 1.5T", 1.5e12),
        ("latency_ms<20k", 2e4),
        ("mean_auc>.8", 0.8),
        ("mean_auc>8e-1", 0.8),
    ],
)
def test_units_are_thousands(text: str, bound: float) -> None:
    assert parse_constraint(text).bound == pytest.approx(bound)


@pytest.mark.parametrize(
    "text",
    [
        *("", "latency_ms", "latency_ms<", "<5", "latency_ms==5", "latency_ms<5s", "latency_ms<5m"),
        *("latency_ms<nan", "flops<1e999", "latency_ms<5<6", "latency_ms<five", "latency_ms<5\n6x"),
    ],
)
def test_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="must be a measure, one of <, <=, > and >=, and a number"):
        parse_constraint(text)


def test_a_measure_that_is_none_is_named() -> None:
    with pytest.raises(UserError, match="no measure 'params'; did you mean 'parameters'"):
        parse_constraint("params<5M")
    with pytest.raises(UserError, match="no measure 'x'; there is mean_auc, worst_auc, parameters"):
        parse_constraint("x<5M")


def test_an_excess_is_a_share_of_the_bound() -> None:
    assert parse_constraint("peak_memory<2G").excess(3e9) == pytest.approx(0.5)
    assert parse_constraint("mean_auc>0.8").excess(0.4) == pytest.approx(0.5)
    assert parse_constraint("mean_auc>0.8").excess(None) == 1.0
    assert not parse_constraint("mean_auc>0.8").holds(math.nan)


small = st.integers(0, 4).map(float)
tables = st.tuples(st.integers(0, 12), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        arrays(float, shape, elements=small | st.just(math.nan)),
        st.lists(st.booleans(), min_size=shape[1], max_size=shape[1]),
        arrays(bool, shape[0]),
    )
)


@given(tables)
def test_on_the_front_is_what_no_other_dominates(
    drawn: tuple[np.ndarray, list[bool], np.ndarray],
) -> None:
    values, maximise, eligible = drawn
    front = on_front(values, maximise, eligible)
    gains = values * np.where(maximise, 1.0, -1.0)
    takes_part = (eligible & ~np.isnan(gains).any(axis=1)).tolist()
    for i, one in enumerate(gains):
        dominated = any(
            takes_part[j] and (other >= one).all() and (other > one).any()
            for j, other in enumerate(gains)
        )
        assert front[i] == (takes_part[i] and not dominated)
    assert front.any() == any(takes_part)


def test_goals_are_read_from_settings_of_before_there_were_any() -> None:
    assert Goals.of({"trials": 5}).are_plain
    assert not Goals.of({"objective": ["auc"], "where": ["flops<5G"]}).are_plain
    measures = [objective.measure for objective in objectives().values()]
    assert sorted(measures) == sorted(goals())
