"""What the figures are computed from."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from results.report.figures import pareto_front
from results.report.parallel import coordinate
from results.report.style import round_numbers, value_text
from sedn.style import count_text

few = st.sampled_from([0.0, 0.25, 0.5, 1.0])
points = st.lists(st.tuples(few | st.floats(0, 1), few | st.floats(0, 1)), min_size=1, max_size=20)


@given(points)
def test_no_point_of_the_front_is_beaten_and_every_other_is(drawn: list[Any]) -> None:
    cost, auc = zip(*drawn, strict=True)
    front = pareto_front(cost, auc)

    def beats(i: int, j: int) -> bool:
        better = cost[i] < cost[j] or auc[i] > auc[j] or i < j
        return i != j and cost[i] <= cost[j] and auc[i] >= auc[j] and better

    for j in range(len(drawn)):
        assert (j in front) == (not any(beats(i, j) for i in range(len(drawn))))
    assert [cost[i] for i in front] == sorted(cost[i] for i in front)


@given(st.floats(1e-9, 1e9), st.floats(1.0, 1e6), st.booleans())
@example(1.0, 1.0000000000000002, False)
def test_round_numbers_lie_between_the_ends(low: float, ratio: float, log: bool) -> None:
    high = low * ratio
    shown = round_numbers(low, high, log=log)
    assert 1 <= len(shown) <= 25
    assert shown == sorted(set(shown))
    assert all(low <= value <= high for value in shown)


def test_round_numbers_are_round() -> None:
    assert round_numbers(0.71, 0.87, log=False) == pytest.approx([0.75, 0.8, 0.85])
    assert round_numbers(3e-4, 0.9, log=True) == pytest.approx([1e-3, 1e-2, 1e-1])
    assert round_numbers(6e-4, 9e-3, log=True) == pytest.approx([1e-3, 2e-3, 5e-3])
    assert round_numbers(5.0, 5.0, log=False) == [5.0]


parameters = st.one_of(
    st.lists(st.sampled_from(["se", "eca", "cbam", None]), min_size=1, max_size=30),
    st.lists(st.sampled_from([4, 8, 16, None]), min_size=1, max_size=30),
    st.lists(st.floats(1e-6, 1.0) | st.none(), min_size=1, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=30),
).filter(lambda values: any(value is not None for value in values))


@given(parameters)
def test_an_axis_keeps_each_value_apart_and_the_absent_at_its_foot(drawn: list[Any]) -> None:
    axis = coordinate("group.name", dict(enumerate(drawn)))
    assert axis.heights.keys() == set(range(len(drawn)))
    assert all(0.0 <= height <= 1.0 for height in axis.heights.values())
    absent = [axis.heights[n] for n, value in enumerate(drawn) if value is None]
    present = [axis.heights[n] for n, value in enumerate(drawn) if value is not None]
    if absent:
        assert max(absent) < min(present)
        assert axis.ticks[0][1] == "–"
    for n, one in enumerate(drawn):
        for m, other in enumerate(drawn):
            numbers = isinstance(one, float) and isinstance(other, float)
            if numbers and one < other:
                assert axis.heights[n] <= axis.heights[m]


def test_in_a_band_the_later_lies_higher() -> None:
    """Trials come in order of rising AUC."""
    axis = coordinate("attention.kind", {7: "se", 3: "eca", 5: "se", 1: "se"})
    assert axis.heights[3] < axis.heights[7] < axis.heights[5] < axis.heights[1]
    assert [text for _, text in axis.ticks] == ["eca", "se"]


def test_values_are_written_short() -> None:
    assert [value_text(v) for v in (None, True, 0.00012345, 16, "all")] == [
        *("–", "yes", "0.000123", "16", "all")
    ]
    assert [count_text(v) for v in (None, 950, 25_600_000, 1.2e9)] == [
        *("–", "950", "25.6 M", "1.2 G")
    ]
