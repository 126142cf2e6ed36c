"""How values are written wherever they are shown."""

import ast
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from results.report.style import value_text
from sedn.metrics import auc_interval
from sedn.style import (
    difference_text,
    duration,
    gain_text,
    interval_text,
    number_text,
    share_text,
    short_text,
)

NAN = float("nan")
UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
ROOMS = ("sedn", "results", "search", "spaces", "benchmarks")


def test_times_are_written_in_two_units_at_most() -> None:
    said = [
        duration(v) for v in (0.0, 0.04, 4.2, 9.97, 59.4, 59.6, 200.0, 3599.6, 9000.0, 86_390.0)
    ]
    assert said == [
        *("0 s", "0 s", "4.2 s", "10 s", "59 s", "1 min 00 s", "3 min 20 s", "1 h 00 min"),
        *("2 h 30 min", "1 d 00 h"),
    ]
    assert duration(400_000.0) == "4 d 15 h"


@given(st.floats(0, 1e7))
def test_a_time_reads_as_what_it_is(seconds: float) -> None:
    words = duration(seconds).split()
    parts = [float(number) * UNITS[unit] for number, unit in zip(*[iter(words)] * 2, strict=True)]
    smallest = 0.1 if seconds < 9.9 else UNITS[words[-1]]
    assert abs(sum(parts) - seconds) <= 0.51 * smallest
    assert all(int(number) < 60 for number in words[2::2])


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


@given(st.floats(1e-7, 0.3), st.floats(0.0, 0.9999))
def test_what_was_measured_is_never_written_as_nothing(error: float, low: float) -> None:
    half = difference_text(0.0, error).partition(" ± ")[2]
    assert float(half) > 0
    high = min(low + error, 1.0)
    ends = interval_text(high, low, high).partition("[")[2].rstrip("]").split(", ")
    assert float(ends[0]) < float(ends[1])


@given(st.floats(-1, 10))
def test_no_gain_is_a_negative_nothing(gain: float) -> None:
    said = gain_text(gain)
    assert not re.search(r"[-+]0\.0%", said)
    assert abs(float(said.rstrip("%")) - 100 * gain) <= 0.051
    assert gain_text(None) == gain_text(NAN) == "–"
    assert gain_text(0.1234) == "+12.3%"


@given(st.floats(-1e-3, 1e-3) | st.floats(-10, 10), st.integers(0, 4))
def test_nothing_is_written_as_a_negative_nothing(value: float, digits: int) -> None:
    for shown in (
        *(number_text(value, digits), number_text(value, digits, signed=True)),
        *(share_text(value, digits), share_text(value, digits, signed=True)),
        *(short_text(value, digits), value_text(value), gain_text(value)),
        difference_text(value, abs(value)).split()[0],
    ):
        number = float(shown.rstrip("%"))
        assert number or not shown.startswith("-"), shown


def test_what_has_no_number_is_a_dash() -> None:
    for write in (number_text, short_text, share_text, gain_text):
        assert write(None) == write(NAN) == "–"
    assert short_text(-0.0) == value_text(-0.0) == "0"
    assert share_text(-0.0004) == "0.0%"


def formats(source: str) -> list[str]:
    """The format specifications of the f-strings in a source text, as far as they are constant."""
    return [
        "".join(str(part.value) for part in node.format_spec.values if hasattr(part, "value"))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr)
    ]


def test_percentages_and_signs_are_written_in_one_place() -> None:
    """Elsewhere a small negative value would be written as -0.0 %."""
    assert formats('f"{a:+.1%} {b:.2f}"') == ["+.1%", ".2f"]
    root = Path(__file__).parents[2]
    found = {
        f"{path.relative_to(root)}: {{:{spec}}}"
        for room in ROOMS
        for path in (root / room).rglob("*.py")
        if path != root / "sedn/style.py"
        for spec in formats(path.read_text())
        if spec.endswith("%") or spec.startswith("+")
    }
    assert not found, found
