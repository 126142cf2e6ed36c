"""A type of axes is one class and one entry: every sampler draws from it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import optuna
import pytest

from search.samplers.choosing import check_sampler, make_samplers
from search.samplers.distributions import all_axes
from search.samplers.drawing import draw
from search.samplers.registry import SAMPLERS
from search.settings import SearchSettings
from spaces import SuggestsValues, parse_space
from spaces.axes import Condition
from spaces.parsing import AXIS_TYPES, AxisType, WrittenAxis

ROOT = Path(__file__).parents[3]
SPACE = """\
name: powers
axes:
  batch_size: {power: [3, 6]}
  optimizer.weight_decay: {float: [0.0, 0.2], step: 0.1}
"""


@dataclass(frozen=True)
class PowerOfTwo:
    """A power of two between two exponents."""

    path: str
    low: int
    high: int
    default: int
    when: tuple[Condition, ...] = ()
    is_exact: ClassVar[bool] = True

    def ask(self, trial: SuggestsValues) -> Any:
        return trial.suggest_int(self.path, self.low, self.high)

    def suggest(self, trial: SuggestsValues) -> int:
        return int(2 ** self.ask(trial))

    def contains(self, value: object) -> bool:
        return value in self.values()

    def values(self) -> Sequence[int]:
        return [2**exponent for exponent in range(self.low, self.high + 1)]

    def largest(self) -> int:
        return int(2**self.high)

    def extent(self) -> str:
        return f"its powers of two: {self.values()}"


def parse_power(written: WrittenAxis, when: tuple[Condition, ...]) -> PowerOfTwo:
    low, high = written.fields["power"]
    return PowerOfTwo(written.path, low, high, written.value(2**low), when)


@pytest.fixture(autouse=True)
def powers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AXIS_TYPES, "power", AxisType("{power: [low, high]}", parse_power))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "grid"])
def test_every_sampler_draws_from_it(sampler: str) -> None:
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    space = parse_space(SPACE, "powers.yaml")
    settings = SearchSettings(sampler=sampler, trials=9)
    assert check_sampler(settings, space) is None
    assert list(all_axes(space)) == ["batch_size", "optimizer.weight_decay"]
    study, make = optuna.create_study(direction="maximize"), make_samplers(settings, space)
    drawn = []
    for number in range(8):
        trial = study.ask()
        params = draw(space, trial, make(number))
        study.tell(trial, params["batch_size"] / 64)
        drawn.append(space.config(params).batch_size)
    assert set(drawn) <= {8, 16, 32, 64}
    assert len(set(drawn)) > 1


def test_no_code_asks_which_type_an_axis_has() -> None:
    kinds = re.compile(r"isinstance\(.*(Choice|IntRange|FloatRange)\b")
    for room in ("spaces", "search", "results", "sedn"):
        for file in (ROOT / room).rglob("*.py"):
            assert not kinds.search(file.read_text()), file
