"""The model finds what is there, calls luck luck, and says nothing where it cannot."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.axes.axis import Axis, make_axis
from results.axes.model import Design, Effects, estimate, make_design
from results.axes.pairs import pair_up

PLACEMENTS = ("none", "stage1", "stage2")
FUSIONS = ("add", "gate")


def axes_of(**columns: list[Any]) -> list[Axis]:
    made = [make_axis(path, values) for path, values in columns.items()]
    return [axis for axis in made if axis is not None]


def drawn(count: int, seed: int) -> dict[str, list[Any]]:
    """A random search: the fusion has an effect where there is a placement."""
    random = np.random.default_rng(seed)
    placement = [str(random.choice(PLACEMENTS)) for _ in range(count)]
    fusion = [None if p == "none" else str(random.choice(FUSIONS)) for p in placement]
    return {
        "placement": placement,
        "fusion": fusion,
        "flip": [bool(random.integers(2)) for _ in range(count)],
        "rate": [float(10 ** random.uniform(-4, -1)) for _ in range(count)],
    }


def effect_of(design: Design, effects: Effects, path: str, value: Any, against: Any = None) -> Any:
    for number, one in enumerate(design.contrasts):
        axis = design.axes[one.axis]
        held = None if one.against is None else axis.points[one.against]
        if (axis.path, axis.points[one.point], held) == (path, value, against):
            return effects.effect[number]
    raise AssertionError(f"no effect of {path} {value}")


def smallest_p(design: Design, effects: Effects, path: str, column: int = 0) -> float:
    rows = [i for i, one in enumerate(design.contrasts) if design.axes[one.axis].path == path]
    return float(np.nanmin(effects.p[rows, column]))


@given(
    seed=st.integers(0, 10_000),
    stage1=st.floats(-0.1, 0.1),
    gate=st.floats(-0.1, 0.1),
    flip=st.floats(-0.1, 0.1),
)
@settings(max_examples=30, deadline=None)
def test_effects_without_noise_are_met_exactly(
    seed: int, stage1: float, gate: float, flip: float
) -> None:
    columns = drawn(40, seed)
    aucs = [
        0.7 + stage1 * (p == "stage1") + gate * (f == "gate") + flip * x
        for p, f, x in zip(columns["placement"], columns["fusion"], columns["flip"], strict=True)
    ]
    design = make_design(axes_of(**columns))
    effects = estimate(design, np.array(aucs)[:, None])
    assert effect_of(design, effects, "flip", True, False) == pytest.approx(flip, abs=1e-9)
    # Half of the trials with a place have the gate: each value of an axis counts equally.
    assert effect_of(design, effects, "placement", "stage1", "none") == pytest.approx(
        stage1 + gate / 2, abs=1e-9
    )
    assert effect_of(design, effects, "fusion", "gate", "add") == pytest.approx(gate, abs=1e-9)


@pytest.mark.parametrize(("count", "labels"), [(24, 1), (60, 1), (60, 40), (400, 5)])
def test_luck_is_called_luck(count: int, labels: int) -> None:
    """In 19 of 20 seeds no axis matters for anything, however many labels there are."""
    wrong = 0
    for seed in range(20):
        design = make_design(axes_of(**drawn(count, seed)))
        random = np.random.default_rng([seed, 1])
        # Labels share half of their luck: a training is good or bad for all.
        luck = random.normal(size=(count, 1)) + random.normal(size=(count, labels))
        effects = estimate(design, 0.8 + 0.01 * luck)
        wrong += bool(np.nanmin(effects.p) <= 0.05)
    assert wrong <= 3  # of 20 at 5 %: more than 3 have a chance of 1.6 %


def test_luck_with_heavy_tails_and_trainings_that_collapsed_is_called_luck() -> None:
    wrong = 0
    for seed in range(20):
        columns = drawn(80, seed)
        random = np.random.default_rng([seed, 2])
        aucs = 0.8 + 0.01 * random.standard_t(2, size=80)
        aucs[random.random(80) < 0.1] = 0.5
        design = make_design(axes_of(**columns))
        wrong += bool(np.nanmin(estimate(design, aucs[:, None]).p) <= 0.05)
    assert wrong <= 3


def test_values_that_scatter_more_are_not_called_better() -> None:
    """Rare values of large scatter fool the usual standard error."""
    wrong = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        wide = random.random(60) < 0.2
        aucs = 0.8 + np.where(wide, 0.05, 0.005) * random.normal(size=60)
        design = make_design(axes_of(kind=["wide" if one else "narrow" for one in wide]))
        wrong += bool(np.nanmin(estimate(design, aucs[:, None]).p) <= 0.05)
    assert wrong <= 3


def test_a_value_that_was_tried_beside_good_values_has_no_share_in_them() -> None:
    """As samplers do: stage1 mostly at the rates that are good, and none of it the cause."""
    random = np.random.default_rng(0)
    good = random.random(80) < 0.5
    stage1 = random.random(80) < np.where(good, 0.85, 0.15)
    aucs = 0.8 + 0.03 * good + 0.005 * random.normal(size=80)
    assert aucs[stage1].mean() - aucs[~stage1].mean() > 0.015
    design = make_design(
        axes_of(
            placement=["stage1" if one else "none" for one in stage1],
            rate=["good" if one else "bad" for one in good],
        )
    )
    effects = estimate(design, aucs[:, None])
    assert smallest_p(design, effects, "placement") > 0.05
    assert smallest_p(design, effects, "rate") < 0.01


def test_what_is_planted_for_one_label_is_found_there_alone() -> None:
    columns = drawn(80, 3)
    random = np.random.default_rng(4)
    aucs = 0.8 + 0.01 * random.normal(size=(80, 6))
    aucs[:, 2] += [0.03 * (value == "stage1") for value in columns["placement"]]
    design = make_design(axes_of(**columns))
    effects = estimate(design, aucs)
    assert smallest_p(design, effects, "placement", 2) < 0.01
    assert effect_of(design, effects, "placement", "stage1", "none")[2] == pytest.approx(
        0.03, abs=0.01
    )
    found = {
        (design.axes[design.contrasts[i].axis].path, j) for i, j in np.argwhere(effects.p < 0.05)
    }
    assert found == {("placement", 2)}
    placement = [axis.path for axis in design.axes].index("placement")
    assert effects.share[placement, 2] > 0.5
    assert effects.share_low[placement, 2] < effects.share[placement, 2]
    assert (effects.share.sum(axis=0) <= 1).all()


def test_an_axis_counts_only_where_it_has_an_effect() -> None:
    """The fusion of two of ten configurations in a hundred cannot be most of the variance."""
    columns = drawn(200, 5)
    columns["fusion"] = [f if i % 5 == 0 else None for i, f in enumerate(columns["fusion"])]
    random = np.random.default_rng(6)
    aucs = 0.8 + 0.005 * random.normal(size=200)
    aucs += [0.02 * (value == "gate") for value in columns["fusion"]]
    design = make_design(axes_of(**columns))
    effects = estimate(design, aucs[:, None])
    assert effect_of(design, effects, "fusion", "gate", "add")[0] == pytest.approx(0.02, abs=0.005)
    fusion = [axis.path for axis in design.axes].index("fusion")
    active = design.axes[fusion].active.mean()
    # Two values 0.02 apart have a variance of 0.01 squared, where they have an effect at all.
    expected = active * 0.01**2 / (active * 0.01**2 + 0.005**2)
    assert effects.share[fusion, 0] == pytest.approx(expected, abs=0.1)


def test_axes_that_changed_together_are_not_told_apart() -> None:
    random = np.random.default_rng(7)
    first = [str(value) for value in random.choice(["a", "b"], 40)]
    other = [str(value) for value in random.choice(["x", "y"], 40)]
    aucs = 0.8 + 0.01 * random.normal(size=(40, 1)) + 0.05 * (np.array(first) == "a")[:, None]
    design = make_design(axes_of(one=first, same=first[:], other=other))
    effects = estimate(design, aucs)
    assert np.isnan(effect_of(design, effects, "one", "a")).all()
    assert np.isnan(effect_of(design, effects, "same", "a")).all()
    assert np.isfinite(effect_of(design, effects, "other", "x")).all()


@pytest.mark.parametrize("values", [[0.8] * 40, [1.0] * 40, [0.5] * 39 + [0.5 + 1e-12]])
def test_equal_aucs_show_nothing(values: list[float]) -> None:
    design = make_design(axes_of(**drawn(40, 8)))
    effects = estimate(design, np.array(values)[:, None])
    assert np.nanmin(effects.p) > 0.05
    assert np.isfinite(effects.p[design.known]).all()


def test_the_order_of_the_trials_does_not_matter() -> None:
    columns = drawn(60, 9)
    random = np.random.default_rng(10)
    aucs = 0.8 + 0.01 * random.normal(size=(60, 2))
    order = random.permutation(60)
    shuffled = {path: [values[i] for i in order] for path, values in columns.items()}
    one = estimate(make_design(axes_of(**columns)), aucs)
    other = estimate(make_design(axes_of(**shuffled)), aucs[order])
    assert one.effect == pytest.approx(other.effect, abs=1e-9)
    assert one.share == pytest.approx(other.share, abs=1e-9)


def test_effects_on_a_scale_follow_the_curve() -> None:
    """A learning rate that is best in the middle."""
    columns = drawn(200, 11)
    random = np.random.default_rng(12)
    away = np.abs(np.log10(columns["rate"]) + 2.5)
    aucs = 0.9 - 0.05 * away + 0.005 * random.normal(size=200)
    design = make_design(axes_of(**columns))
    effects = estimate(design, aucs[:, None])
    assert smallest_p(design, effects, "rate") < 0.01
    (rate,) = [axis for axis in design.axes if axis.path == "rate"]
    reached = [effect_of(design, effects, "rate", point)[0] for point in rate.points]
    assert np.argmax(reached) == 2
    assert 0.001 < rate.points[2] < 0.01


def test_pairs_are_alike_but_for_one_axis() -> None:
    """A grid: every pair differs in the axis alone, and the children of a placement may differ."""
    rows = [
        (placement, fusion, flip)
        for placement in PLACEMENTS
        for fusion in (FUSIONS if placement != "none" else (None,))
        for flip in (False, True)
    ]
    axes = axes_of(
        placement=[row[0] for row in rows],
        fusion=[row[1] for row in rows],
        flip=[row[2] for row in rows],
    )
    codes = np.array(
        [[PLACEMENTS.index(p), -1 if f is None else FUSIONS.index(f), x] for p, f, x in rows]
    )
    aucs = np.array([[0.7 + 0.1 * (p == "stage1") + 0.02 * (f == "gate")] for p, f, _ in rows])
    design = make_design(axes)
    paired = pair_up(axes, codes, design.contrasts, aucs)
    found = {
        (axes[one.axis].path, axes[one.axis].points[one.point], one.against): (
            int(paired.pairs[i]),
            float(paired.effect[i, 0]),
        )
        for i, one in enumerate(design.contrasts)
    }
    assert found["placement", "stage1", 0] == (2, pytest.approx(0.11))
    assert found["fusion", "gate", 0] == (4, pytest.approx(0.02))
    assert found["flip", True, 0] == (5, pytest.approx(0.0))
