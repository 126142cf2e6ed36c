"""How values are written wherever they are shown."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sedn.metrics import auc_interval
from sedn.style import difference_text, gain_text, interval_text

NAN = float("nan")


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_an_auc_is_written_with_both_ends_within_0_and_1(
    positives: int, negatives: int, data: st.DataObject
) -> None:
    area = data.draw(st.integers(0, positives * negatives)) / (positives * negatives)
    said = interval_text(area, *auc_interval(area, 0.0, positives, negatives))
    match = re.fullmatch(r"([01]\.\d{4}) \[([01]\.\d{3}), ([01]\.\d{3})\]", said)
    assert match
    value, low, high = map(float, match.groups())
    assert 0 <= low <= value + 0.0005
    assert value - 0.0005 <= high <= 1
    assert low < high, "so few images do not tell an AUC to three digits"


def test_what_is_not_known_is_not_written() -> None:
    assert interval_text(0.97312, 0.9123, 0.9951) == "0.9731 [0.912, 0.995]"
    assert interval_text(0.97312, 0.9123, 0.9951, 3) == "0.973 [0.912, 0.995]"
    assert interval_text(0.5) == interval_text(0.5, NAN, NAN) == "0.5000"
    assert interval_text(None) == interval_text(NAN) == "–"
    assert difference_text(0.0123, 0.0023) == "+0.0123 ± 0.0045"
    assert difference_text(-0.00001, 0.0023) == "+0.0000 ± 0.0045"
    assert difference_text(0.0, 0.0) == difference_text(0.0, NAN) == "+0.0000"
    assert difference_text(None, None) == "–"


@given(st.floats(-1, 10))
def test_no_gain_is_a_negative_nothing(gain: float) -> None:
    said = gain_text(gain)
    assert not re.search(r"[-+]0\.0%", said)
    assert abs(float(said.rstrip("%")) - 100 * gain) <= 0.051
    assert gain_text(None) == gain_text(NAN) == "–"
    assert gain_text(0.1234) == "+12.3%"
