"""Learning rates step by step, beside torch's own."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from sedn.config import ScheduleConfig
from sedn.training.optimization.schedule import create_schedule

KINDS = ["one_cycle", "cosine", "linear", "wsd"]


def rates(kind: str, warmup: float, steps: int, scale: float = 1.0) -> list[float]:
    group = {"params": [torch.nn.Parameter(torch.zeros(1))], "lr_scale": scale}
    optimizer = torch.optim.SGD([group], lr=0.5)
    config = ScheduleConfig.model_validate({"kind": kind, "warmup": warmup})
    schedule = create_schedule(config, optimizer, steps)
    found = []
    for step in range(steps):
        schedule.step_update(step)
        found.append(optimizer.param_groups[0]["lr"])
    return found


@pytest.mark.parametrize(("steps", "warmup"), [(7, 0.25), (7, 0.5), (100, 0.05), (100, 0.5)])
def test_one_cycle_equals_torchs(steps: int, warmup: float) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.5, steps, pct_start=warmup, cycle_momentum=False, final_div_factor=1e4
    )
    for step, rate in enumerate(rates("one_cycle", warmup, steps)):
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-6)
        optimizer.step()
        if step < steps - 1:
            schedule.step()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9, 0.999])
@pytest.mark.parametrize("steps", [1, 2, 50])
def test_the_rate_rises_then_falls_and_never_leaves_its_bounds(
    kind: str, warmup: float, steps: int
) -> None:
    found = rates(kind, warmup, steps)
    assert all(0 < rate <= 0.5 and math.isfinite(rate) for rate in found)
    top = int(np.argmax(found))
    assert found[:top] == sorted(found[:top])
    assert all(after <= before + 1e-12 for before, after in pairwise(found[top:]))


@pytest.mark.parametrize("kind", ["cosine", "linear", "wsd"])
def test_the_warm_up_reaches_the_configured_rate(kind: str) -> None:
    found = rates(kind, 0.2, 100)
    assert found[20] == pytest.approx(0.5)
    assert found[19] < 0.5
    assert found[0] == pytest.approx(0.5 / 21)
    assert found[-1] < 0.06


def test_wsd_is_level_until_its_last_fifth() -> None:
    found = rates("wsd", 0.0, 100)
    assert found[:81] == [0.5] * 81
    assert found[82] < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_is_scheduled_at_its_own_scale(kind: str) -> None:
    scaled = rates(kind, 0.25, 20, scale=0.1)
    assert scaled == pytest.approx([0.1 * rate for rate in rates(kind, 0.25, 20)])
