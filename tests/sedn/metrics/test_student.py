"""Student's distribution without SciPy, against SciPy's."""

import numpy as np
import pytest
from scipy.special import log_ndtr, stdtrit
from scipy.stats import t as student

from results.ranking.winner import largest_of
from sedn.metrics.student import normal_tail, student_quantile, student_tail

pytestmark = pytest.mark.filterwarnings("error")
FREEDOM = np.array([1, 1.5, 2, 3, 7, 10, 33.3, 120, 199.9, 200, 1000, 1e5, 2e9, np.inf])


@pytest.mark.parametrize(
    "level", [1e-8, 0.025, 0.3, 0.5, 0.6, 0.975, 0.999, 1 - 1e-8, 1 - 2.0**-40]
)
def test_a_quantile_is_scipys(level: float) -> None:
    expected = student.ppf(level, FREEDOM)
    assert student_quantile(FREEDOM, level) == pytest.approx(expected, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("value", [-40, -2.5, -0.1, 0, 0.01, 0.7, 1.96, 4, 9])
def test_a_tail_is_scipys(value: float) -> None:
    expected = student.sf(value, FREEDOM)
    assert student_tail(FREEDOM, value) == pytest.approx(expected, rel=1e-9, abs=1e-30)


def test_a_tail_and_a_quantile_undo_each_other() -> None:
    for level in (0.6, 0.975, 1 - 1e-9):
        tails = student_tail(FREEDOM, student_quantile(FREEDOM, level))
        assert tails == pytest.approx(np.full(len(FREEDOM), 1 - level), rel=1e-9)


def test_what_is_no_number_of_degrees_gives_nan_and_all_else_a_value() -> None:
    assert np.isnan(student_quantile([np.nan, 0, -1], 0.975)).all()
    assert np.isnan(student_tail([np.nan, 0, 3], [1, 1, np.nan])).all()
    assert student_tail([3, 300], np.inf).tolist() == [0, 0]
    assert student_quantile(3, 1.0) == np.inf
    assert student_quantile(3, 0.0) == -np.inf


def test_shapes_are_kept() -> None:
    grid = np.arange(1.0, 7.0).reshape(2, 3)
    assert student_quantile(grid, 0.9) == pytest.approx(stdtrit(grid, 0.9))
    assert student_tail(grid, np.ones(3)).shape == (2, 3)
    assert student_quantile(5, 0.9).shape == ()
    assert student_quantile([], 0.9).shape == (0,)


def test_the_normal_tail_is_scipys() -> None:
    values = np.linspace(-9, 30, 79)
    assert np.log(normal_tail(values)) == pytest.approx(log_ndtr(-values), rel=1e-12)


@pytest.mark.parametrize(
    ("count", "mean"), [(1, 0), (2, np.pi**-0.5), (3, 1.5 * np.pi**-0.5), (1000, 3.2414357)]
)
def test_the_largest_of_normal_numbers(count: int, mean: float) -> None:
    assert largest_of(count) == pytest.approx(mean, abs=2e-7)
