"""Zero is a value like any other, wherever results are told."""

import pytest

from results.report import answer
from results.report.style import parameter_text
from results.varied import AS_SAMPLED
from search.cli import tables
from search.progress import Ended, Snapshot

PATH = "optimizer.weight_decay"


@pytest.mark.parametrize("sampled", [0, 0.0, False, -1.0, 0.5])
def test_a_sampled_value_is_told_whatever_it_is(sampled: object) -> None:
    row = {"trial": 1, PATH: 0.01, PATH + AS_SAMPLED: sampled}
    told = parameter_text(0.01, sampled)
    assert "sampled" in told
    assert told in answer._fields(row)
    assert "(sampled " in tables._setting(PATH, row)
    assert "sampled" not in answer._fields(row | {PATH + AS_SAMPLED: None})


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_a_value_of_zero_is_told(value: object) -> None:
    row = {"trial": 1, PATH: value}
    assert f"weight decay {parameter_text(value, None)}" in answer._fields(row)


def test_over_a_baseline_of_zero_there_is_no_gain() -> None:
    best, plain = Ended(1, 0.5), Ended(0, 0.0)
    assert Snapshot(2, {}, (), best, plain, 0.0, None).gain is None
    assert Snapshot(2, {}, (), plain, best, 0.0, None).gain == -1.0
